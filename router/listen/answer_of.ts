// An answer as a web standard's `Response`, and the other way round.

import { type Answer, type AnswerStream, type ClientOutlet, isStream } from "./client_request.ts";

const answers = new WeakMap<Response, Answer>();

export function toResponse(answer: Answer): Response {
  const { status, fields, body } = answer;
  const headers = fields.map(([name, value]) => [name, value] as [string, string]);
  const response = new Response(isStream(body) ? toReadable(body) : body as string | Uint8Array<ArrayBuffer> | null, {
    status,
    headers,
  });
  if (isStream(body)) answers.set(response, answer);
  return response;
}

/** Whole, unless it says that it is a stream of events. */
export async function answerOf(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const fields = [...headers];
  const made = answers.get(response);
  if (made !== undefined) return { status, fields, body: made.body };
  const isEvents = headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  if (isEvents && response.body !== null) {
    return { status, fields, body: new ReadStream(response.body.getReader() as Reader) };
  }
  const bytes = await response.bytes();
  return { status, fields, body: bytes.length > 0 ? bytes : null };
}

/** A direct stream: the runtime calls `pull` once and takes writes as they come. */
function toReadable(stream: AnswerStream): ReadableStream<Uint8Array> {
  const source = {
    type: "direct" as const,
    pull(controller: ReadableStreamDirectController): Promise<void> {
      return new Promise((finished) => stream.flowTo(outletTo(controller, finished)));
    },
    cancel: () => stream.left(),
  };
  return new ReadableStream<Uint8Array>(source);
}

function outletTo(controller: ReadableStreamDirectController, finished: () => void): ClientOutlet {
  return {
    write(bytes) {
      const written = controller.write(bytes);
      if (typeof written !== "number") return written;
      controller.flush();
    },
    end() {
      controller.end();
      finished();
    },
    cut() {
      controller.close(new Error("the answer broke off"));
      finished();
    },
  };
}

interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

class ReadStream implements AnswerStream {
  readonly #reader: Reader;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  flowTo(client: ClientOutlet): void {
    this.#flow(client).then(() => client.end(), () => client.cut());
  }

  left(): void {
    this.#reader.cancel().catch(() => {});
  }

  async #flow(client: ClientOutlet): Promise<void> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done || value === undefined) return;
      await client.write(value);
    }
  }
}
