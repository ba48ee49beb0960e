// Who serves: the policy's order, but first those that neither failed this request nor failed just now.

import type { Policy, RequestFacts } from "./policies/policy.ts";
import type { Slot } from "./roster.ts";

/**
 * The best of the candidates; null only when there are none. A worker to avoid is still taken when it is the last one:
 * one more try beats a refusal.
 */
export function chooseWorker(
  candidates: readonly Slot[],
  policy: Policy,
  facts: RequestFacts,
  shuns: (slot: Slot) => boolean,
): Slot | null {
  if (candidates.length <= 1) return candidates[0] ?? null;
  const ranked = policy.rank(candidates, facts) as readonly Slot[];
  return ranked.find((slot) => !shuns(slot) && hasRoom(slot)) ?? ranked.find((slot) => !shuns(slot)) ?? ranked[0] ??
    null;
}

function hasRoom({ room }: Slot): boolean {
  return room.inside < room.places;
}
