// A client that chooses its workers itself, for tests and debugging: `X-SMG-Target-Worker: prefill-1,decode-0`, or an index
// among the workers of each role. Only where an administrator allows it, and only among the workers there are.

import type { Ask } from "./read_ask.ts";
import type { Slot } from "./roster.ts";

const HEADER = "x-smg-target-worker";

/** Those the client named; all where it named none of this role. Empty when the one it wants is not there. */
export function targetsOf(candidates: readonly Slot[], ask: Ask): readonly Slot[] {
  const wanted = ask.headers.find(([name]) => name === HEADER)?.[1];
  if (wanted === undefined) return candidates;
  const named = wanted.split(",").map((part) => part.trim());
  if (/^\d+$/.test(wanted.trim())) return candidates.slice(Number(wanted), Number(wanted) + 1);
  const role = candidates[0]?.worker.facts.role;
  if (!named.some((name) => name.startsWith(`${role}-`))) return candidates;
  return candidates.filter(({ name }) => named.includes(name));
}
