// One client's connection: requests in, answers out, one after the other in the order of the requests.
//
//   waiting ──head──► serving ──answer──► sending ──taken──► waiting, or lingering, or closed

import { Buffer } from "node:buffer";
import type { Deadlines, Expiring } from "../deadlines.ts";
import { errorBody } from "../own_error.ts";
import { type Answer, type Answering, type AnswerStream, type ClientOutlet, isStream } from "./client_request.ts";
import { type AnswerFraming, headText } from "./head_text.ts";
import { Outbox } from "./outbox.ts";
import { type BodySource, OwnRequest } from "./own_request.ts";
import { RequestParser } from "./parse_request.ts";
import type { Refusal, RequestHead } from "./parse_request_head.ts";
import type { ServerLimits } from "./server_limits.ts";
import type { ClientEvents, ClientSocket } from "./socket.ts";

/** What a connection asks and tells the server it belongs to. */
export interface ConnectionOwner {
  readonly answering: Answering;
  readonly limits: ServerLimits;
  readonly deadlines: Deadlines;
  /** No connection is kept for another request. */
  readonly isStopping: boolean;
  /** What a client sent is no request that is taken. */
  refused(status: number): void;
  closed(connection: Connection): void;
}

/** A request and its answer. */
interface Serving {
  readonly is: "serving";
  readonly request: OwnRequest;
  hasBegun: boolean;
  /** The end of its framing is sent already. */
  hasEnded: boolean;
  stream: AnswerStream | null;
  /** Another request may follow on this connection. */
  keeps: boolean;
}

/** What comes after an answer: the next request, or the connection's end. */
type Then = "wait" | "close" | "linger";

/**
 * `sending`: the answer is complete, and the client has still to take it. `lingering`: all is sent, and what the client
 * still sends is dropped; to close now would make its system throw the answer away (RFC 9112 §9.6).
 */
type State =
  | { readonly is: "waiting" }
  | Serving
  | { readonly is: "sending"; readonly then: Then }
  | { readonly is: "lingering" }
  | { readonly is: "closed" };

const sending: Readonly<Record<Then, State>> = {
  wait: { is: "sending", then: "wait" },
  close: { is: "sending", then: "close" },
  linger: { is: "sending", then: "linger" },
};
const waiting: State = { is: "waiting" };
const lingering: State = { is: "lingering" };
const closedState: State = { is: "closed" };
const noBytes = new Uint8Array(0);
const bug: Answer = { status: 500, fields: [], body: null };

export class Connection implements ClientEvents, ClientOutlet, BodySource, Expiring {
  expiresMs = 0;
  readonly #owner: ConnectionOwner;
  readonly #socket: ClientSocket;
  readonly #outbox: Outbox;
  readonly #parser: RequestParser;
  #state: State = waiting;
  /** What the client has sent beyond the request that is served. */
  #ahead: Uint8Array | null = null;

  constructor(socket: ClientSocket, owner: ConnectionOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.#outbox = new Outbox(socket);
    this.#parser = new RequestParser(owner.limits);
    this.#expireIn(owner.limits.idleMs);
    owner.deadlines.watch(this);
  }

  read(bytes: Uint8Array): void {
    const state = this.#state;
    if (state.is === "waiting") this.#readHead(this.#withAhead(bytes));
    else if (state.is === "sending") { if (state.then === "wait") this.#keepAhead(bytes); }
    else if (state.is !== "serving") return;
    else if (state.request.isComplete) this.#keepAhead(bytes);
    else if (!state.hasBegun) this.#readBody(state, bytes);
  }

  drained(): void {
    this.#outbox.drain();
    if (this.#state.is !== "sending") return;
    if (this.#outbox.isEmpty) this.#goOn(this.#state.then);
    else this.#expireIn(this.#owner.limits.sendMs);
  }

  closed(): void {
    const state = this.#state;
    if (state.is === "closed") return;
    this.#state = closedState;
    this.#owner.deadlines.forget(this);
    this.#owner.closed(this);
    this.#outbox.drop();
    if (state.is !== "serving") return;
    state.stream?.left();
    state.request.leave();
  }

  close(): void {
    this.#socket.terminate();
    this.closed();
  }

  /** The server stops: what is being served is still answered. */
  retire(): void {
    if (this.#state.is === "waiting" || this.#state.is === "lingering") this.close();
  }

  expire(): void {
    // Who has begun a head and does not end it learns why; anybody else has nothing to learn.
    if (this.#state.is === "waiting" && this.#parser.isInHead) {
      this.#refuse({ is: "refused", status: 408, message: "The head of the request did not come whole in time" });
    } else this.close();
  }

  write(bytes: Uint8Array, isLast = false): void | Promise<unknown> {
    const state = this.#state;
    if (state.is !== "serving" || state.hasEnded || bytes.length === 0) return;
    if (state.request.head.isHttp10) this.#outbox.write(bytes);
    else {
      this.#outbox.writeChunk(bytes, isLast);
      state.hasEnded = isLast;
    }
    return this.#outbox.taken();
  }

  end(): void {
    const state = this.#state;
    if (state.is !== "serving") return;
    if (!state.hasEnded && !state.request.head.isHttp10) this.#outbox.writeEnd();
    this.#answered(state);
  }

  cut(): void {
    if (this.#state.is === "serving") this.close();
  }

  #readHead(bytes: Uint8Array): void {
    const { next, head, body, refusal } = this.#parser.read(bytes, 0);
    if (refusal !== null) return this.#refuse(refusal);
    if (head === null) {
      const { deadlines, limits } = this.#owner;
      this.expiresMs = Math.min(this.expiresMs, deadlines.nowMs + limits.headMs);
      return;
    }
    const request = new OwnRequest(head, body, this);
    const state: Serving = {
      is: "serving",
      request,
      hasBegun: false,
      hasEnded: false,
      stream: null,
      keeps: head.keepAlive,
    };
    this.#state = state;
    this.expiresMs = Infinity;
    if (next < bytes.length) this.#keepAhead(bytes.subarray(next));
    this.#serve(state);
  }

  #readBody(state: Serving, bytes: Uint8Array): void {
    const { next, body, refusal } = this.#parser.read(bytes, 0);
    if (refusal !== null) return this.#refuse(refusal);
    if (body === null) return;
    if (next < bytes.length) this.#keepAhead(bytes.subarray(next));
    state.request.bodyCame(body);
  }

  /** Nothing here may pile up: who sends too much ahead gets this answer and no other. */
  #keepAhead(bytes: Uint8Array): void {
    const ahead = this.#ahead === null ? bytes : Buffer.concat([this.#ahead, bytes]);
    this.#ahead = ahead;
    if (ahead.length <= this.#owner.limits.maxAheadBytes) return;
    this.#ahead = null;
    if (this.#state.is === "serving") this.#state.keeps = false;
    else this.#state = sending.linger;
  }

  #serve(state: Serving): void {
    let answer: Answer | Promise<Answer>;
    try {
      answer = this.#owner.answering(state.request);
    } catch {
      answer = bug;
    }
    if (!(answer instanceof Promise)) return this.#answer(state, answer);
    answer.then((good) => this.#answer(state, good), () => this.#answer(state, bug));
  }

  askForBody(): void {
    const state = this.#state;
    if (state.is !== "serving" || state.hasBegun || !state.request.head.expectsContinue) return;
    this.#outbox.putHead("HTTP/1.1 100 Continue\r\n\r\n");
    this.#outbox.flush();
  }

  #answer(state: Serving, { status, fields, body }: Answer): void {
    if (this.#state !== state) {
      if (isStream(body)) body.left();
      return;
    }
    const { head, isComplete } = state.request;
    const isChosenByClose = isStream(body) && head.isHttp10;
    state.hasBegun = true;
    state.keeps = state.keeps && isComplete && !this.#owner.isStopping && !isChosenByClose;
    const connection = !state.keeps ? "close" : head.isHttp10 ? "keep-alive" : null;
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    this.#outbox.putHead(headText(status, fields, framingOf(status, bytes, head), connection));
    if (head.method === "HEAD" && isStream(bytes)) bytes.left();
    else if (isStream(bytes)) return this.#flow(state, bytes);
    else if (bytes !== null && head.method !== "HEAD") this.#outbox.write(bytes);
    this.#outbox.flush();
    this.#answered(state);
  }

  #flow(state: Serving, stream: AnswerStream): void {
    state.stream = stream;
    stream.flowTo(this);
    this.#outbox.flush();
  }

  #answered(state: Serving): void {
    const then = state.keeps ? "wait" : state.request.isComplete && this.#ahead === null ? "close" : "linger";
    // First, because a socket that is ended says at once that it is closed, and this client has not left.
    this.#state = sending[then];
    if (this.#outbox.isEmpty) this.#goOn(then);
    else this.#expireIn(this.#owner.limits.sendMs);
  }

  #goOn(then: Then): void {
    if (then === "wait" && !this.#owner.isStopping) return this.#await();
    if (then === "linger") {
      this.#state = lingering;
      this.#expireIn(this.#owner.limits.lingerMs);
      return this.#socket.shutdown();
    }
    this.#socket.end();
    this.closed();
  }

  #await(): void {
    this.#state = waiting;
    this.#parser.begin();
    this.#expireIn(this.#owner.limits.idleMs);
    // Not at once: answers without end could be given inside each other.
    if (this.#ahead !== null) queueMicrotask(() => this.#readAhead());
  }

  #readAhead(): void {
    if (this.#ahead !== null && this.#state.is === "waiting") this.#readHead(this.#withAhead(noBytes));
  }

  #withAhead(bytes: Uint8Array): Uint8Array {
    const ahead = this.#ahead;
    this.#ahead = null;
    if (ahead === null) return bytes;
    return bytes.length === 0 ? ahead : Buffer.concat([ahead, bytes]);
  }

  #refuse({ status, message }: Refusal): void {
    const state = this.#state;
    this.#owner.refused(status);
    const body = Buffer.from(errorBody({ status, message }));
    this.#outbox.putHead(headText(status, [["content-type", "application/json"]], body.length, "close"));
    this.#outbox.write(body);
    this.#state = sending.linger;
    this.#expireIn(this.#owner.limits.sendMs);
    if (this.#outbox.isEmpty) this.#goOn("linger");
    if (state.is === "serving") state.request.leave();
  }

  #expireIn(ms: number): void {
    this.expiresMs = this.#owner.deadlines.nowMs + ms;
  }
}

function framingOf(status: number, body: Exclude<Answer["body"], string>, head: RequestHead): AnswerFraming {
  if (status < 200 || status === 204 || status === 304) return "none";
  // Whoever answered left the body out by himself, so its length is not known (RFC 9110 §8.6).
  if (head.method === "HEAD" && body === null) return "none";
  if (isStream(body)) return head.isHttp10 ? "until-close" : "chunked";
  return body === null ? 0 : body.length;
}
