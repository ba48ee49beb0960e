// One request to one worker: its answer complete in hand, or its first bytes with the rest to follow.

import type { ResponseHead, ResponseSink, UpstreamCall, UpstreamClient, UpstreamFailure } from "./upstream/client.ts";
import type { Origin, UpstreamRequest } from "./upstream/client.ts";

export type LegOpening =
  | { readonly is: "answered"; readonly head: ResponseHead; readonly body: Uint8Array }
  /** A stream whose first bytes are here; `flowTo` says where they and the rest go. */
  | { readonly is: "streaming"; readonly head: ResponseHead; readonly first: Uint8Array }
  | { readonly is: "failed"; readonly failure: LegFailure }
  /** We ended it: the client left, a limit passed, or the other leg failed. */
  | { readonly is: "aborted" };

/**
 * `timeout`: a limit of ours passed.  `no-room`: the answer is longer than we keep.
 * `kv-lost`: the prefill worker that was to write the KV has gone, and decode would wait for it for ever.
 * `stalled`: the engine's own counters stand still while requests wait for it.
 */
export type LegFailure = Omit<UpstreamFailure, "is"> & {
  readonly is: UpstreamFailure["is"] | "timeout" | "no-room" | "kv-lost" | "stalled";
};

/** Where a streaming leg's bytes go. A chunk is only ours until `write` returns; after the last one comes `end`. */
export interface Outlet {
  write(chunk: Uint8Array, isLast?: boolean): void | Promise<unknown>;
  end(): void;
  /** The worker's stream broke off. */
  cut(failure: LegFailure): void;
}

/** An answer that is no stream is kept whole up to this size: until then a broken one can be told as an error, not as a cut. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

/**
 * opening → kept (a stream nobody reads yet) → flowing → over; kept → ended (all of it is here) → over;
 * opening → over with the answer in hand, or none.
 */
type LegState = "opening" | "kept" | "ended" | "flowing" | "over";

export class Leg implements ResponseSink {
  readonly opened: Promise<LegOpening>;
  /** When the answer's head came, on the clock given; 0 without one. */
  headMs = 0;
  readonly #resolve: (opening: LegOpening) => void;
  readonly #mayStream: boolean;
  readonly #onOver: () => void;
  readonly #now: (() => number) | null;
  #state: LegState = "opening";
  #call: UpstreamCall | null = null;
  #head: ResponseHead | null = null;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #ending: "end" | LegFailure = "end";
  #outlet: Outlet | null = null;
  #untilRead: PromiseWithResolvers<void> | null = null;

  /** `onOver` is called once, when nothing more comes from the worker. */
  constructor(mayStream: boolean, onOver: () => void, now: (() => number) | null = null) {
    const { promise, resolve } = Promise.withResolvers<LegOpening>();
    this.opened = promise;
    this.#resolve = resolve;
    this.#mayStream = mayStream;
    this.#onOver = onOver;
    this.#now = now;
  }

  start(upstream: UpstreamClient, origin: Origin, request: UpstreamRequest): void {
    const call = upstream.request(origin, request, this);
    if (this.#state === "over") call.abort();
    else this.#call = call;
  }

  /** Ends the call at once, whatever its state. Safe to call at any time, also twice. */
  abort(): void {
    if (this.#state === "over") return;
    const wasOpening = this.#state === "opening";
    this.#become("over");
    this.#call?.abort();
    if (wasOpening) this.#resolve({ is: "aborted" });
  }

  /** As if the worker had failed now: it is let go, and whoever waits for it is told. */
  breakOff(failure: LegFailure): void {
    if (this.#state === "over" || this.#state === "ended") return;
    this.#call?.abort();
    this.fail(failure);
  }

  /** A stream that was over before anybody read it, whole: no stream towards the client is needed then. Else null. */
  takeWhole(): Uint8Array | null {
    if (this.#state !== "ended" || this.#ending !== "end") return null;
    this.#become("over");
    return this.#keptBody();
  }

  flowTo(outlet: Outlet): void {
    if (this.#state !== "kept" && this.#state !== "ended") return;
    for (const chunk of this.#kept) outlet.write(chunk);
    this.#kept = [];
    this.#outlet = outlet;
    if (this.#state === "ended") return this.#finish();
    this.#become("flowing");
    this.#untilRead?.resolve();
  }

  head(head: ResponseHead): void {
    this.#head = head;
    if (this.#now !== null) this.headMs = this.#now();
  }

  data(chunk: Uint8Array, isLast = false): void | Promise<unknown> {
    if (this.#state === "flowing") return this.#outlet?.write(chunk, isLast);
    if (this.#state === "over" || chunk.length === 0) return;
    // A copy for sure: `slice` of a Buffer is a view of the socket's memory.
    this.#kept.push(new Uint8Array(chunk));
    this.#keptBytes += chunk.length;
    if (this.#state === "opening") return this.#openIfStreaming();
    // Stops the worker while the client's stream is being set up, so that nothing piles up.
    this.#untilRead ??= Promise.withResolvers<void>();
    return this.#untilRead.promise;
  }

  end(): void {
    if (this.#state !== "opening") return this.#endWith("end");
    this.#become("over");
    this.#resolve({ is: "answered", head: this.#head!, body: this.#keptBody() });
  }

  fail(failure: LegFailure): void {
    if (this.#state !== "opening") return this.#endWith(failure);
    this.#become("over");
    this.#resolve({ is: "failed", failure });
  }

  #openIfStreaming(): void {
    const head = this.#head!;
    const isTooLong = this.#keptBytes > MAX_KEPT_BYTES;
    if (this.#mayStream && ((head.status < 400 && isEventStream(head)) || isTooLong)) {
      this.#become("kept");
      this.#resolve({ is: "streaming", head, first: this.#kept[0]! });
    } else if (isTooLong) {
      const message = `its answer is longer than ${MAX_KEPT_BYTES / 1024 / 1024} MiB`;
      this.breakOff({ is: "no-room", message, answered: true });
    }
  }

  #endWith(ending: "end" | LegFailure): void {
    this.#ending = ending;
    if (this.#state === "kept") this.#become("ended");
    else if (this.#state === "flowing") this.#finish();
  }

  #finish(): void {
    this.#become("over");
    if (this.#ending === "end") this.#outlet?.end();
    else this.#outlet?.cut(this.#ending);
  }

  #become(state: LegState): void {
    const wasOver = this.#state === "ended" || this.#state === "over";
    this.#state = state;
    if (!wasOver && (state === "ended" || state === "over")) this.#onOver();
  }

  #keptBody(): Uint8Array {
    return this.#kept.length === 1 ? this.#kept[0]! : concat(this.#kept, this.#keptBytes);
  }
}

export function isEventStream(head: ResponseHead): boolean {
  return head.header("content-type")?.startsWith("text/event-stream") ?? false;
}

function concat(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
