// The last bytes of a stream, in which its end is told: the finishing event, usage, `[DONE]`. They come in one chunk or in
// three, so the end of each chunk is kept, unread, until it is known to be the last.

/** Room for the three. */
const TAIL_BYTES = 1_024;

export interface StreamTail {
  add(chunk: Uint8Array): void;
  /** What the stream has ended with. */
  bytes(): Uint8Array;
}

export function makeStreamTail(size = TAIL_BYTES): StreamTail {
  const tail = new Uint8Array(size);
  let kept = 0;
  return {
    add(chunk) {
      const { length } = chunk;
      if (length >= size) tail.set(chunk.subarray(length - size));
      else {
        tail.copyWithin(0, length);
        tail.set(chunk, size - length);
      }
      kept = Math.min(size, kept + length);
    },
    bytes: () => tail.subarray(size - kept),
  };
}
