// In which order workers are stopped.

import type { Role } from "../kv/connector.ts";

/**
 * Decode workers first: one that still pulls KV needs its prefill worker alive, and a prefill worker keeps the blocks of a finished
 * handoff only until they were pulled or its lease ends. Encoders feed prefill, so they go last.
 */
const waves: readonly (readonly Role[])[] = [["decode", "regular"], ["prefill"], ["encode"]];

export function stopWaves<T>(workers: readonly T[], roleOf: (worker: T) => Role): readonly (readonly T[])[] {
  return waves.map((roles) => workers.filter((worker) => roles.includes(roleOf(worker))))
    .filter((wave) => wave.length > 0);
}
