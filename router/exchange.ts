// One client request inside the router, from accepted to settled: what is running for it, what it holds, and its limits.

import type { Handle } from "../kv/ledger.ts";
import type { Admission, Waiting } from "./admission.ts";
import type { Expiring } from "./deadlines.ts";
import { Leg, type LegFailure } from "./leg.ts";
import type { LegName } from "./leg_failure.ts";
import type { Phase } from "./own_error.ts";
import type { Ask } from "./read_ask.ts";
import { attemptIdOf } from "./request_id.ts";
import type { RequestRecord } from "./request_ring.ts";
import type { Slot } from "./roster.ts";
import type { RouterIo } from "./router_io.ts";
import { startTimeline, type Timeline } from "./timeline.ts";
import type { LegSpan, RequestSpan } from "./tracing.ts";
import type { UpstreamRequest } from "./upstream/client.ts";

/** `complete`: answered in full. `cut`: the stream broke off. `client-left`. `error`: an error of pdserve's own. */
export type Ending = "complete" | "cut" | "client-left" | "error";

/** Of English text; exact counts would need the model's tokenizer, and only compare requests here. */
const BYTES_PER_TOKEN = 4;

export class Exchange implements Expiring {
  expiresMs: number;
  readonly ask: Ask;
  readonly times: Timeline;
  attempts = 0;
  /** Names of the workers of the latest attempt, for headers and logs. */
  prefill: string | null = null;
  decode: string | null = null;
  /** The value of `x-pdserve-handoff`. */
  handoff: string;
  hasLeft = false;
  readonly #io: RouterIo;
  readonly #untilMs: number;
  readonly #promptTokens: number;
  readonly #legs = new Set<Leg>();
  readonly #span: RequestSpan | null;
  #phase: Phase = "queue";
  #giveUpWaiting: (() => void) | null = null;
  #window: Slot | null = null;
  #room: Slot | null = null;
  #handle: Handle | null = null;
  #pairName: string | null = null;
  #limitMs = 0;
  #isSettled = false;
  #status = 0;

  constructor(ask: Ask, io: RouterIo) {
    this.ask = ask;
    this.#io = io;
    this.#promptTokens = Math.ceil(ask.body.bytes.length / BYTES_PER_TOKEN);
    this.handoff = io.connector.name;
    this.times = startTimeline(io.now());
    this.#untilMs = this.times.acceptedMs + io.settings.requestTimeoutMs;
    this.expiresMs = this.#untilMs;
    io.deadlines.watch(this);
    this.#span = io.tracing === null ? null : io.tracing.startRequest(ask);
  }

  get id(): string {
    return this.ask.id;
  }

  /** What the engines know the attempt by: the client's `x-request-id` where nobody else can have it, as they tell it in answers. */
  attemptId(nonce: string): string {
    return this.attempts === 1 && this.ask.isOwnId ? this.id : attemptIdOf(this.id, nonce);
  }

  get path(): string {
    return this.ask.route.path;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** A new phase with its own limit, within that of the whole request. */
  enter(phase: Phase, limitMs: number): void {
    this.#phase = phase;
    this.#limitMs = limitMs;
    this.expiresMs = Math.min(this.#io.now() + limitMs, this.#untilMs);
  }

  /** Something came: the phase's limit starts anew. While the client does not take it, only the whole one holds. */
  progress(isWaitingForClient: boolean): void {
    if (!isWaitingForClient) this.times.chunks++;
    const nextMs = isWaitingForClient ? Infinity : this.#io.deadlines.nowMs + this.#limitMs;
    this.expiresMs = nextMs < this.#untilMs ? nextMs : this.#untilMs;
  }

  /** Waits in a queue; `gave-up` when the client left or a limit passed meanwhile. */
  async waitIn(waiting: Waiting): Promise<Admission> {
    this.#giveUpWaiting = () => waiting.giveUp();
    if (this.hasLeft) waiting.giveUp();
    const admitted = await waiting.admitted;
    this.#giveUpWaiting = null;
    return admitted;
  }

  /** The name of the pair that decode's answers hold; null where they name nobody. */
  get pairName(): string | null {
    return this.#pairName;
  }

  startLeg(slot: Slot, request: UpstreamRequest, kind: LegName): Leg {
    const isWhole = kind === "whole";
    if (this.#io.connector.shape === "request-id") this.#pairName = idOf(request);
    slot.legStarts(this.#promptTokens, isWhole);
    const span = this.#span === null ? null : this.#span.startLeg(kind, slot.name);
    const leg: Leg = new Leg(kind === "decode" || isWhole, () => {
      slot.legEnds(this.#promptTokens, isWhole);
      this.#legs.delete(leg);
      span?.over(leg.opened);
    }, kind === "prefill" ? this.#io.now : null);
    this.#legs.add(leg);
    // It may have left in the moment in which a place in a queue became free.
    if (this.hasLeft) leg.abort();
    else leg.start(this.#io.upstream, slot.worker.url, span === null ? request : traced(request, span));
    return leg;
  }

  /** This attempt pins KV on `slot` until `closeWindow`; its gate has been passed. */
  openWindow(slot: Slot): void {
    this.#window = slot;
    slot.handingOver.add(this);
  }

  closeWindow(): void {
    this.#window?.handingOver.delete(this);
    this.#window?.window.leave();
    this.#window = null;
  }

  /** A place on the worker that answers; its gate has been passed. */
  takeRoom(slot: Slot): void {
    this.#room = slot;
  }

  leaveRoom(): void {
    this.#room?.room.leave();
    this.#room = null;
  }

  /** The process that holds this attempt's KV is gone. */
  lostMaker(): void {
    if (this.#io.connector.legs !== "concurrent") return;
    this.giveUpOn({ is: "kv-lost", message: `${this.prefill} went before its KV had arrived`, answered: false });
  }

  /** What runs now has failed, for a reason that only the router sees. */
  giveUpOn(failure: LegFailure): void {
    for (const leg of this.#legs) leg.breakOff(failure);
  }

  holdHandle(handle: Handle): void {
    this.#handle = handle;
  }

  settleHandle(outcome: Parameters<Handle["settle"]>[0]): void {
    this.#handle?.settle(outcome);
    this.#handle = null;
  }

  abortLegs(): void {
    for (const leg of this.#legs) leg.abort();
  }

  /** The client is gone: nothing runs for it any more, whatever the phase. */
  leave(): void {
    if (this.#isSettled) return;
    this.hasLeft = true;
    this.#giveUpWaiting?.();
    this.abortLegs();
    if (this.#phase === "stream") this.settle("client-left");
  }

  expire(): void {
    const isWhole = this.#io.now() >= this.#untilMs;
    if (isWhole) this.#phase = "whole request";
    const failure: LegFailure = {
      is: "timeout",
      message: isWhole ? "the limit for the whole request passed" : `nothing came within ${this.#limitMs / 1000} s`,
      answered: this.#phase === "stream",
    };
    this.#giveUpWaiting?.();
    this.giveUpOn(failure);
  }

  /** The status line towards the client is known. */
  answeredWith(status: number): void {
    this.#status = status;
  }

  /** Which weights the workers have; null where no trainer has sent any. */
  get weightVersion(): string | null {
    return this.#io.weights.version;
  }

  /** `status` and `end` are null while it runs. */
  record(status: number | null, end: Ending | null): RequestRecord {
    const { id, path, prefill, decode, handoff, attempts, phase, times } = this;
    return { id, path, status, end, prefill, decode, handoff, attempts, phase, times };
  }

  /** Everything this request held is given back and counted. The first call counts. */
  settle(ending: Ending): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    const { deadlines, metrics, gate, pace, accessLog, ring, now } = this.#io;
    deadlines.forget(this);
    this.abortLegs();
    this.closeWindow();
    this.settleHandle(ending === "complete" && this.#status < 400 ? "done" : "failed");
    this.times.endMs = now();
    metrics.observe(this.times);
    const status = ending === "client-left" ? 499 : this.#status;
    metrics.requests.add(`${this.path}\0${status}\0${ending}`);
    this.leaveRoom();
    if (this.times.admittedMs > 0) {
      gate.leave();
      pace.served();
    }
    accessLog?.record(this, status, ending);
    const record = this.record(status, ending);
    ring.add(record);
    this.#span?.end(record);
  }
}

function traced(request: UpstreamRequest, span: LegSpan): UpstreamRequest {
  return { ...request, headers: span.asParent([...request.headers]) };
}

function idOf({ headers }: UpstreamRequest): string | null {
  return headers.find(([name]) => name === "x-request-id")?.[1] ?? null;
}
