// The turns that lie on decode workers, by session; the oldest go when there are too many.

import type { Json } from "../kv/json.ts";
import type { Handle } from "../kv/ledger.ts";

export interface KeptTurn {
  /** Those whose KV decode holds. */
  readonly ids: Uint32Array;
  /** Decode's `kv_transfer_params`. */
  readonly params: Readonly<Record<string, Json>>;
  readonly decode: string;
  readonly handle: Handle;
}

export interface TurnMemory {
  get(key: string): KeptTurn | null;
  /** In place of the session's turn before. */
  keep(key: string, turn: KeptTurn): void;
  drop(key: string, outcome: "released" | "failed"): void;
  dropAll(ofWorker: string | null): void;
}

/** Bounded by ids, of four bytes each. */
export function makeTurnMemory(maxIds: number): TurnMemory {
  const turns = new Map<string, KeptTurn>();
  let idCount = 0;
  const drop: TurnMemory["drop"] = (key, outcome) => {
    const turn = turns.get(key);
    if (turn === undefined) return;
    turns.delete(key);
    idCount -= turn.ids.length;
    turn.handle.settle(outcome);
  };
  return {
    drop,
    get: (key) => turns.get(key) ?? null,
    keep(key, turn) {
      drop(key, "released");
      turns.set(key, turn);
      idCount += turn.ids.length;
      for (const [oldest] of turns) {
        if (idCount <= maxIds) return;
        drop(oldest, "released");
      }
    },
    dropAll(worker) {
      for (const [key, { decode }] of [...turns]) if (worker === null || decode === worker) drop(key, "released");
    },
  };
}
