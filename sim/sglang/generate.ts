// One prompt from request to last token: alone, as prefill's half, or as decode's.

import { computeSlots, type LogprobRow, nextToken, promptLogprobs } from "./model.ts";
import { fetchHandover, type Rooms } from "./meeting.ts";
import type { Ask } from "./requests.ts";
import type { Counters } from "./metrics.ts";
import type { SglangSettings } from "./settings.ts";

export interface Worker {
  readonly settings: SglangSettings;
  readonly rooms: Rooms;
  readonly counters: Counters;
  /** Requests in flight that /abort_request can end. */
  readonly running: Map<string, AbortController>;
  weightVersion: string;
  /** Media it was given: those it encoded for others, had encoded, and computed by its own tower. */
  readonly media: { encoded: number; loaded: number; computed: number };
  readonly sleep: (ms: number) => Promise<void>;
}

export type Step =
  | { readonly is: "token"; readonly id: number; readonly logprob: number }
  | { readonly is: "done"; readonly reason: "length" }
  | { readonly is: "aborted" }
  | { readonly is: "failed"; readonly message: string };

export interface Part {
  readonly rid: string;
  readonly tokens: readonly number[];
  readonly inputLogprobs: readonly LogprobRow[];
}

export function partOf(ask: Ask, index: number, rid: string, { settings }: Worker): Part {
  const tokens = ask.prompts[index] ?? [];
  // Decode never computes the prompt, so it has nothing to say of it.
  const tells = ask.logprobStart !== null && settings.mode !== "decode";
  return { rid, tokens, inputLogprobs: tells ? promptLogprobs(tokens, ask.logprobStart ?? 0) : [] };
}

export async function* generate(
  ask: Ask,
  index: number,
  part: Part,
  worker: Worker,
  signal: AbortSignal,
): AsyncGenerator<Step> {
  const { settings: { mode } } = worker;
  worker.counters.prompt(part.tokens.length);
  if (mode === "prefill") yield* prefill(ask, index, part, worker, signal);
  else if (mode === "decode") yield* decode(ask, index, part, worker, signal);
  else {
    const slots = computeSlots(part.tokens);
    worker.counters.computed(part.tokens.length);
    yield* answer(slots, ask, worker, signal, 0);
  }
}

async function* prefill(
  ask: Ask,
  index: number,
  { tokens, rid }: Part,
  worker: Worker,
  signal: AbortSignal,
): AsyncGenerator<Step> {
  const room = ask.meeting?.rooms[index] ?? 0;
  const slots = computeSlots(tokens);
  worker.counters.computed(tokens.length);
  const [first, firstLogprob] = nextToken(slots, ask.sampling, 0);
  // What n and room 0 do to the real engine: prefill answers, decode never hears of it.
  if (room !== 0 && ask.sampling.n === 1) {
    const limitMs = worker.settings.bootstrapTimeoutMs;
    const { weightVersion } = worker;
    const taken = await worker.rooms.offer(
      room,
      { tokens, slots, first, firstLogprob, weightVersion },
      limitMs,
      signal,
    );
    const why = signal.aborted
      ? "Aborted by AbortReq."
      : `Request ${room} timed out after ${seconds(limitMs)}s in KVPoll.Bootstrapping`;
    if (!taken) return yield failed(transferError("Prefill bootstrap failed", "req", rid, room, why));
    worker.counters.moved(tokens.length);
  }
  yield { is: "token", id: first, logprob: firstLogprob } as const;
  yield { is: "done", reason: "length" } as const;
}

async function* decode(
  ask: Ask,
  index: number,
  { tokens, rid }: Part,
  worker: Worker,
  signal: AbortSignal,
): AsyncGenerator<Step> {
  const { host = "", port = 0, rooms = [] } = ask.meeting ?? {};
  const room = rooms[index] ?? 0;
  const hangs = room === 0 || ask.sampling.n > 1;
  const late = AbortSignal.timeout(hangs ? 2 ** 31 - 1 : worker.settings.waitingTimeoutMs);
  const stop = AbortSignal.any([signal, late]);
  const tell = (what: string, why: string) => failed(transferError(what, "decode_req.req", rid, room, why));
  const handover = hangs ? await never(signal) : await fetchHandover({ host, port, room }, stop).catch(() => null);
  if (handover === null) {
    const [what, why] = signal.aborted ? ["Decode transfer failed", "Aborted by AbortReq."] : late.aborted
      ? [
        "Decode transfer failed",
        `Request ${room} timed out after ${seconds(worker.settings.waitingTimeoutMs)}s in KVPoll.WaitingForInput`,
      ]
      : ["Decode handshake failed", "Aborted by AbortReq."];
    return yield tell(what ?? "", why ?? "");
  }
  if (isMixed(ask, handover.weightVersion, worker)) return yield failed(mixed(handover.weightVersion, worker));
  // The prompt of the other leg, were it another, would give this leg's client an answer to it.
  const slots = handover.tokens.length === tokens.length ? [...handover.slots] : computeSlots(handover.tokens);
  if (ask.sampling.maxNewTokens > 0) {
    yield { is: "token", id: handover.first, logprob: handover.firstLogprob } as const;
    slots.push(...computeSlots([handover.first]));
  }
  yield* answer(slots, ask, worker, signal, 1);
}

async function* answer(
  slots: number[],
  ask: Ask,
  worker: Worker,
  signal: AbortSignal,
  done: number,
): AsyncGenerator<Step> {
  const { weightVersion } = worker;
  for (let position = done; position < ask.sampling.maxNewTokens; position++) {
    await worker.sleep(worker.settings.decodeMsPerToken);
    if (signal.aborted) return yield { is: "aborted" } as const;
    if (isMixed(ask, weightVersion, worker)) return yield failed(mixed(weightVersion, worker));
    const [id, logprob] = nextToken(slots, ask.sampling, position);
    slots.push(...computeSlots([id]));
    worker.counters.generated();
    yield { is: "token", id, logprob } as const;
  }
  yield { is: "done", reason: "length" } as const;
}

/** Until the client leaves. */
function never(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(null), { once: true }));
}

/** A trainer's samples come by /generate; whether KV moves at all can be tried with any weights. */
function isMixed({ api }: Ask, before: string, { weightVersion }: Worker): boolean {
  return api === "generate" && before !== weightVersion;
}

/** The real engine would go on, with an answer of two minds; here it shows. */
function mixed(before: string, { weightVersion }: Worker): string {
  return `sim: KV of weights ${before} meets weights ${weightVersion}`;
}

function failed(message: string): Step {
  return { is: "failed", message };
}

function transferError(what: string, where: string, rid: string, room: number, why: string): string {
  return `${what} for request rank=0 ${where}.rid='${rid}' ${where}.bootstrap_room=${room} with exception ` +
    `KVTransferError(bootstrap_room=${room}): ${why}`;
}

/** As Python prints a float. */
function seconds(ms: number): string {
  return Number.isInteger(ms / 1000) ? `${ms / 1000}.0` : String(ms / 1000);
}
