// Frames to bytes, one chunk a frame, no faster than the client reads.

/** `finish` hears once how many bytes went out, also when the client leaves or the stream is cut. */
export function streamBody(frames: AsyncIterable<string>, finish: (bytes: number) => void): ReadableStream<Uint8Array> {
  const iterator = frames[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let bytes = 0;
  let finished = false;
  const end = () => {
    if (!finished) finish(bytes);
    finished = true;
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const next = await iterator.next();
        if (next.done) {
          end();
          controller.close();
          return;
        }
        const chunk = encoder.encode(next.value);
        bytes += chunk.byteLength;
        controller.enqueue(chunk);
      } catch (error) {
        end();
        controller.error(error);
      }
    },
    async cancel() {
      end();
      await iterator.return?.();
    },
  });
}
