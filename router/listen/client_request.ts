// What a listener hands to the router and takes back for it, whichever way the listener speaks HTTP.

export type Fields = readonly (readonly [name: string, value: string])[];

/** A request whose head is here; its body may still be on its way. */
export interface ClientRequest {
  readonly method: string;
  /** Path and query, beginning with `/`. */
  readonly target: string;
  /** In the order they came, names in lower case. */
  readonly fields: Fields;
  /** By lower-case name; several values are joined by commas, none is null. */
  header(name: string): string | null;
  /** All of it; null while it is still coming, which costs a client that sends head and body at once no promise. */
  readonly body: Uint8Array | null;
  /** Calls back once. To be called at most once, and only while `body` is null. */
  whenBody(taker: (body: Uint8Array | BodyTrouble) => void): void;
  readonly hasLeft: boolean;
  /** Calls back once, as soon as the client is known to be gone. To be called while it has not left. */
  onLeave(callback: () => void): void;
}

/** `gone`: the client left while it was sending. `too-large`: it sends more than the listener takes. */
export type BodyTrouble = "gone" | "too-large";

export interface Answer {
  readonly status: number;
  /** Names in lower case. Framing, `date` and `connection` are the listener's business. */
  readonly fields: Fields;
  readonly body: Uint8Array | string | AnswerStream | null;
}

/** A body that comes bit by bit. */
export interface AnswerStream {
  /** Called once; it may write before it returns. */
  flowTo(client: ClientOutlet): void;
  /** The client is gone, before or after `flowTo`. Nothing is written any more. */
  left(): void;
}

export interface ClientOutlet {
  /**
   * The bytes are read before it returns. A promise: the client is slow, and has taken them when it settles.
   * `isLast`: nothing follows but `end`, so that the end of the framing can go in the same send.
   */
  write(bytes: Uint8Array, isLast?: boolean): void | Promise<unknown>;
  end(): void;
  /** Ends the connection so that nobody can take the answer for a whole one. */
  cut(): void;
}

export type Answering = (request: ClientRequest) => Answer | Promise<Answer>;

export function isStream(body: Answer["body"]): body is AnswerStream {
  return body !== null && typeof body === "object" && !(body instanceof Uint8Array);
}
