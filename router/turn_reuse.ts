// Which sessions' last turns still lie on a decode worker, and what prefill may read of them: `--turn-reuse`.
// The router compares the token ids one by one, since the engine does not; DESIGN.md says what happens otherwise.

import type { Json } from "../kv/json.ts";
import { makeLedger } from "../kv/ledger.ts";
import { paramsForPrefill, tokensHeld } from "../kv/turn_reuse.ts";
import { lastMember } from "./body/scan_body.ts";
import { sliceUtf8 } from "./body/slice_text.ts";
import type { LegOpening } from "./leg.ts";
import type { Ask } from "./read_ask.ts";
import type { Roster, Slot } from "./roster.ts";
import { sessionKeyOf } from "./session_key.ts";
import { type KeptTurn, makeTurnMemory } from "./turn_memory.ts";
import { promptIdsOf, readAnsweredTurn } from "./turn_tokens.ts";

/** One turn of a session, from its prompt to its answer. */
export interface Turn {
  /** `kv_transfer_params` for its prefill; null where there is nothing to read. */
  readonly params: Readonly<Record<string, Json>> | null;
  /** Its KV on `decode` may serve the next turn. */
  answered(decode: Slot, opening: LegOpening): void;
  /** Prefill could not read what it was given. */
  failed(): void;
}

export interface TurnReuse {
  /** Null for a request that is no turn of token ids. */
  begin(ask: Ask): Turn | null;
  /** An administrator changes the engines: what was made before is not what would be made now. */
  forgetAll(): void;
}

export interface TurnReuseOptions {
  readonly ttlMs: number;
  readonly now: () => number;
  readonly roster: Pick<Roster, "named">;
  /** Bounds memory: four bytes each. */
  readonly maxIds?: number;
}

/** vLLM declines a read in the last 5 s of the time, and prefill may be busy with others before it comes to this one. */
const MARGIN_MS = 10_000;
const MAX_IDS = 8 * 1024 * 1024;

export function makeTurnReuse({ ttlMs, now, roster, maxIds = MAX_IDS }: TurnReuseOptions): TurnReuse {
  // Of its own: what waits here for minutes is no handoff that hangs.
  const ledger = makeLedger(now);
  const memory = makeTurnMemory(maxIds);
  let epoch = 0;
  /** Given once: taken out before it is used. */
  const take = (key: string, prompt: readonly number[]): Taken => {
    const turn = memory.get(key);
    const slot = turn === null ? null : roster.named(turn.decode);
    const params = turn === null ? null : paramsForPrefill(turn.params, matching(turn, prompt));
    if (turn === null || slot?.worker.state.is !== "ready" || params === null) return { from: null, params: null };
    const { is } = turn.handle.spend(slot.worker.generation);
    memory.drop(key, "failed");
    return { from: turn.decode, params: is === "spent" ? params : null };
  };
  const keep = (key: string, prompt: readonly number[], answer: Uint8Array, decode: Slot): void => {
    const turn = readAnsweredTurn(prompt, answer);
    const held = tokensHeld(turn?.params ?? null);
    // The answer's last token has no KV yet; an engine that counts it counts what it has not computed.
    if (turn === null || held === 0 || held >= turn.ids.length) return;
    const { name, worker: { generation } } = decode;
    const facts = { attemptId: key, connector: "turn", prefill: name, decode: name, generation };
    const handle = ledger.open({ ...facts, leaseMs: Math.max(1, ttlMs - MARGIN_MS) });
    memory.keep(key, { ids: Uint32Array.from(turn.ids.slice(0, held)), params: turn.params, decode: name, handle });
  };
  return {
    begin(ask) {
      const key = ask.facts.stream ? null : keyOf(ask);
      const prompt = key === null ? null : promptIdsOf(ask);
      if (key === null || prompt === null) return null;
      const madeIn = epoch;
      const { from, params } = take(key, prompt);
      return {
        params,
        answered(decode, opening) {
          const isGood = opening.is === "answered" && opening.head.status === 200;
          if (isGood && madeIn === epoch) keep(key, prompt, opening.body, decode);
        },
        // What else lies there would hang prefill too.
        failed: () => memory.dropAll(from),
      };
    },
    forgetAll() {
      epoch++;
      memory.dropAll(null);
    },
  };
}

interface Taken {
  /** The decode worker that holds it. */
  readonly from: string | null;
  readonly params: Turn["params"];
}

/** A prompt's last token is always computed, so never all of it is read. */
function matching({ ids }: KeptTurn, prompt: readonly number[]): number {
  const most = Math.min(ids.length, prompt.length - 1);
  for (let at = 0; at < most; at++) if (ids[at] !== prompt[at]) return at;
  return most;
}

/** Adapters and salts make other KV of the same ids. */
function keyOf(ask: Ask): string | null {
  const session = sessionKeyOf(ask);
  if (session === null || ask.body.is === "opaque") return null;
  const { body, facts: { model } } = ask;
  const salt = lastMember(body, "cache_salt");
  return [session, model ?? "", salt === null ? "" : sliceUtf8(body.bytes, salt.valueStart, salt.valueEnd)].join("\0");
}
