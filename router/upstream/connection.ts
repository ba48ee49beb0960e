// One socket to one worker, serving one exchange at a time, from its opening to its close.

import type { ResponseSink, UpstreamFailure } from "./client.ts";
import type { HeadMemory } from "./head_memory.ts";
import { type ParsedRead, ResponseParser } from "./parse_response.ts";
import type { RawSocket, SocketEvents } from "./socket.ts";

/** A request on its way, and where its answer goes. */
export interface Exchange {
  readonly method: string;
  /** Head and body as they are written. */
  readonly pieces: readonly Uint8Array[];
  /** `fail` is never called on it by a connection; `failed` is. */
  readonly sink: ResponseSink;
  failed(failure: UpstreamFailure): void;
}

/** What a connection tells the pool it belongs to. */
export interface ConnectionOwner {
  opened(): void;
  /** It may serve the next exchange. */
  free(connection: Connection): void;
  closed(connection: Connection, wasOpen: boolean): void;
}

type State =
  | { readonly is: "connecting"; readonly exchange: Exchange; readonly timer: NodeJS.Timeout }
  | { readonly is: "busy"; readonly exchange: Exchange; readonly isReused: boolean; answered: boolean }
  | { readonly is: "idle"; readonly sinceMs: number }
  | { readonly is: "closed" };

/** What came while the sink had the worker paused. */
interface Held {
  readonly reads: Uint8Array[];
  closed: { readonly error: string | null } | null;
}

const closedState: State = { is: "closed" };

export class Connection implements SocketEvents {
  readonly #owner: ConnectionOwner;
  readonly #parser: ResponseParser;
  readonly #nowMs: () => number;
  #state: State;
  #socket: RawSocket | null = null;
  #unsent: Uint8Array[] = [];
  #held: Held | null = null;

  constructor(
    owner: ConnectionOwner,
    first: Exchange,
    limits: { readonly connectTimeoutMs: number; readonly maxHeadBytes: number },
    heads: HeadMemory,
    nowMs: () => number,
  ) {
    this.#owner = owner;
    this.#parser = new ResponseParser(limits.maxHeadBytes, heads);
    this.#nowMs = nowMs;
    const timer = setTimeout(() => this.#connectTimedOut(limits.connectTimeoutMs), limits.connectTimeoutMs);
    this.#state = { is: "connecting", exchange: first, timer };
  }

  /** When it became idle; null while it is not. */
  get idleSinceMs(): number | null {
    return this.#state.is === "idle" ? this.#state.sinceMs : null;
  }

  /** Sends on an idle connection. */
  send(exchange: Exchange): void {
    this.#start(exchange, true);
  }

  /** Closes if this is still the exchange being served; no callback follows. */
  abort(exchange: Exchange): void {
    const { is } = this.#state;
    if ((is === "connecting" || is === "busy") && this.#state.exchange === exchange) this.close();
  }

  close(): void {
    if (this.#state.is === "closed") return;
    if (this.#state.is === "connecting") clearTimeout(this.#state.timer);
    this.#state = closedState;
    this.#unsent = [];
    this.#held = null;
    this.#socket?.terminate();
    this.#owner.closed(this, this.#socket !== null);
  }

  opened(socket: RawSocket): void {
    if (this.#state.is !== "connecting") return socket.terminate();
    clearTimeout(this.#state.timer);
    this.#socket = socket;
    this.#owner.opened();
    this.#start(this.#state.exchange, false);
  }

  read(bytes: Uint8Array): void {
    if (this.#held !== null) {
      this.#held.reads.push(bytes);
    } else if (this.#state.is === "busy") {
      this.#state.answered = true;
      this.#deliver(this.#state.exchange, this.#parser.read(bytes));
    } else {
      // Nobody asked for these bytes: whatever is next on this socket could be taken for another request's answer.
      this.close();
    }
  }

  writable(): void {
    while (this.#unsent.length > 0) {
      const piece = this.#unsent[0]!;
      const sent = this.#socket!.write(piece);
      if (sent < piece.length) {
        if (sent > 0) this.#unsent[0] = piece.subarray(sent);
        return;
      }
      this.#unsent.shift();
    }
  }

  closed(error: string | null): void {
    if (this.#held !== null) this.#held.closed = { error };
    else if (this.#state.is === "connecting") this.#fail("refused", `no connection: ${error ?? "closed at once"}`);
    else if (this.#state.is === "busy") this.#closedWhileBusy(this.#state, error);
    else this.close();
  }

  #start(exchange: Exchange, isReused: boolean): void {
    this.#state = { is: "busy", exchange, isReused, answered: false };
    this.#parser.begin(exchange.method);
    const socket = this.#socket!;
    for (const [i, piece] of exchange.pieces.entries()) {
      const sent = Math.max(0, socket.write(piece));
      if (sent === piece.length) continue;
      this.#unsent = [piece.subarray(sent), ...exchange.pieces.slice(i + 1)];
      return;
    }
    this.#unsent = [];
  }

  #deliver(exchange: Exchange, parsed: ParsedRead): void {
    if (parsed.head !== null) exchange.sink.head(parsed.head);
    if (parsed.payload !== null && this.#serves(exchange)) {
      const pause = exchange.sink.data(parsed.payload, parsed.end !== null);
      if (pause !== undefined && this.#serves(exchange)) return this.#pauseUntil(pause, exchange, parsed);
    }
    if (this.#serves(exchange)) this.#settle(exchange, parsed);
  }

  #settle(exchange: Exchange, parsed: ParsedRead): void {
    if (parsed.failure !== null) return this.#fail(parsed.failure.is, parsed.failure.message);
    if (parsed.end === null) return;
    // An answer that came before all of the request was sent leaves the rest of it in nobody's hands.
    if (parsed.end === "keep" && this.#unsent.length === 0) {
      this.#state = { is: "idle", sinceMs: this.#nowMs() };
      this.#owner.free(this);
    } else this.close();
    exchange.sink.end();
  }

  #pauseUntil(pause: Promise<unknown>, exchange: Exchange, parsed: ParsedRead): void {
    const held: Held = { reads: [], closed: null };
    this.#held = held;
    this.#socket!.pause();
    pause.then(
      () => this.#held === held && this.#resume(held, exchange, parsed),
      (error) => this.#held === held && this.#fail("reset", `the reader of the answer failed: ${String(error)}`),
    );
  }

  #resume(held: Held, exchange: Exchange, parsed: ParsedRead): void {
    this.#held = null;
    // Before the exchange can end: an idle socket must be readable, or its close would go unseen.
    if (held.closed === null) this.#socket!.resume();
    this.#settle(exchange, parsed);
    for (const [i, bytes] of held.reads.entries()) {
      this.read(bytes);
      if (this.#held !== null) {
        const again: Held = this.#held;
        again.reads.push(...held.reads.slice(i + 1));
        again.closed = held.closed;
        return;
      }
    }
    if (held.closed !== null) this.closed(held.closed.error);
  }

  #closedWhileBusy(busy: { readonly isReused: boolean; readonly answered: boolean }, error: string | null): void {
    if (busy.isReused && !busy.answered) {
      return this.#fail("stale", "the worker had closed the kept-alive connection");
    }
    if (error !== null) return this.#fail("reset", `the connection to the worker broke: ${error}`);
    if (this.#state.is === "busy") this.#settle(this.#state.exchange, this.#parser.close());
  }

  #connectTimedOut(limitMs: number): void {
    this.#fail("connect-timeout", `no connection within ${limitMs} ms`);
  }

  #fail(is: UpstreamFailure["is"], message: string): void {
    if (this.#state.is !== "connecting" && this.#state.is !== "busy") return;
    const { exchange } = this.#state;
    const answered = this.#state.is === "busy" && this.#state.answered;
    this.close();
    exchange.failed({ is, message, answered });
  }

  #serves(exchange: Exchange): boolean {
    return this.#state.is === "busy" && this.#state.exchange === exchange;
  }
}
