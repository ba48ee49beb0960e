// One request to one worker. Two implementations (own HTTP/1.1 client, fetch) pass the same conformance suite.

/** `http://host:port`, `https://host:port`, or `unix:/path/to.sock`. */
export type Origin = string;

export interface UpstreamRequest {
  readonly method: string;
  /** Path and query, starting with `/`. */
  readonly path: string;
  /** Names in lower case. `host`, `content-length` and `connection` are the client's business. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Pieces are sent in order and not copied; together they are the body. */
  readonly body: readonly Uint8Array[];
  /**
   * Whether a kept-alive socket that turns out to be dead before any byte was answered may be replaced silently.
   * Never for a decode leg: its KV handle may be spent by then.
   */
  readonly retryStaleSocket: boolean;
}

export interface ResponseHead {
  readonly status: number;
  /** First value of a header by lower-case name; null when absent. */
  header(name: string): string | null;
  /** All headers, names in lower case, in wire order. */
  entries(): readonly (readonly [name: string, value: string])[];
}

/** Callbacks of one call, in this order: `head` once, `data` any number, then exactly one of `end` and `fail`. */
export interface ResponseSink {
  head(head: ResponseHead): void;
  /**
   * The bytes are the sink's only until it returns. A promise pauses the worker until it settles.
   * `isLast`: the answer is complete with them, as far as the client knows already; `end` follows.
   */
  data(chunk: Uint8Array, isLast?: boolean): void | Promise<unknown>;
  end(): void;
  fail(failure: UpstreamFailure): void;
}

export interface UpstreamFailure {
  /**
   * `refused`: no connection, nothing was sent. `connect-timeout`: same, the limit passed.
   * `reset`: the connection ended before the answer was complete.
   * `stale`: a kept-alive socket was dead before any byte was answered and `retryStaleSocket` was false.
   * `protocol`: the worker's bytes are not HTTP/1.1 we accept.  `too-large`: its head passed the limit.
   */
  readonly is: "refused" | "connect-timeout" | "reset" | "stale" | "protocol" | "too-large";
  readonly message: string;
  /** Whether any byte of the answer had arrived. */
  readonly answered: boolean;
}

export interface UpstreamCall {
  /** Closes the connection at once; no callback is called after it. Safe to call at any time, also twice. */
  abort(): void;
}

export interface UpstreamClient {
  readonly name: string;
  request(origin: Origin, request: UpstreamRequest, sink: ResponseSink): UpstreamCall;
  /** Open sockets, idle ones included. */
  stats(): { readonly open: number; readonly idle: number; readonly opened: number; readonly staleRetries: number };
  /** Drops idle sockets to one worker (it restarted or left). */
  forget(origin: Origin): void;
  close(): void;
}
