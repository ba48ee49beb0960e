// A worker's stream on its way to the client: one read from the worker is one write to the client, nothing in between
// looks at the bytes, and a slow client stops the worker.

import type { Leg, LegFailure, Outlet } from "./leg.ts";
import type { AnswerStream, ClientOutlet } from "./listen/client_request.ts";

export interface StreamWatch {
  /** Changes the bytes on their way; an empty chunk is held back. */
  rewrite?(chunk: Uint8Array): Uint8Array;
  /** Sees each chunk as the client gets it; it is only ours until this returns. */
  seen?(chunk: Uint8Array): void;
  /** After each chunk: the limit for the next one starts. `waiting` while the client does not take what it got. */
  progress(waiting: boolean): void;
  /** What the client is told when the worker's stream breaks off; null to cut the connection instead. */
  farewell(failure: LegFailure): string | null;
  /** Once, last. `client-left` also when it left while we waited for the worker. */
  over(how: "complete" | "cut" | "client-left"): void;
}

const LINE_FEED = 0x0a;
const utf8 = new TextEncoder();

export function streamToClient(leg: Leg, watch: StreamWatch): AnswerStream {
  return new ClientStream(leg, watch);
}

/** opening → flowing → over. */
class ClientStream implements Outlet, AnswerStream {
  readonly #leg: Leg;
  readonly #watch: StreamWatch;
  #client: ClientOutlet | null = null;
  #isOver = false;
  #lastByte = LINE_FEED;
  #sawDone = false;

  constructor(leg: Leg, watch: StreamWatch) {
    this.#leg = leg;
    this.#watch = watch;
  }

  flowTo(client: ClientOutlet): void {
    this.#client = client;
    this.#leg.flowTo(this);
  }

  left(): void {
    this.#leg.abort();
    this.#settle("client-left");
  }

  write(bytes: Uint8Array, isLast = false): void | Promise<unknown> {
    const client = this.#client;
    if (client === null || this.#isOver) return;
    const chunk = this.#watch.rewrite?.(bytes) ?? bytes;
    const length = chunk.length;
    if (length === 0) return;
    this.#lastByte = chunk[length - 1]!;
    this.#sawDone = endsWithDone(chunk, length);
    this.#watch.seen?.(chunk);
    const taken = client.write(chunk, isLast);
    this.#watch.progress(taken !== undefined);
    return taken?.then(() => this.#watch.progress(false));
  }

  end(): void {
    // Before the connection hears of it: one that ends with its answer says at once that the client is gone.
    this.#settle("complete");
    this.#client?.end();
  }

  cut(failure: LegFailure): void {
    const client = this.#client;
    // The worker said all it had to say; only the end of its framing is missing.
    if (this.#sawDone) return this.end();
    const farewell = this.#watch.farewell(failure);
    this.#settle("cut");
    if (farewell === null) client?.cut();
    else {
      client?.write(utf8.encode(this.#lastByte === LINE_FEED ? farewell : `\n\n${farewell}`));
      client?.end();
    }
  }

  #settle(how: "complete" | "cut" | "client-left"): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#watch.over(how);
  }
}

/** `data: [DONE]\n\n`, known by `E]\n\n`: text inside a JSON string never ends a chunk with a bare line feed. */
function endsWithDone(chunk: Uint8Array, length: number): boolean {
  return chunk[length - 3] === 0x5d && chunk[length - 4] === 0x45 && chunk[length - 1] === LINE_FEED;
}
