// The worker that has seen the longest beginning of this prompt, for its prefix cache. Prompts are known by hashes of their
// leading bytes at growing lengths, so a conversation finds its worker again whatever its clients call their sessions.

import { hashBytes } from "./hash.ts";
import { leastInflight } from "./least_inflight.ts";
import { isOverloaded } from "./overloaded.ts";
import type { Candidate, Policy, PolicyShare, PrefixOwners } from "./policy.ts";

/** Lengths that are remembered, in bytes: a block of tokens or two at first, then half as much again each time. */
const points: readonly number[] = Array.from({ length: 14 }, (_, i) => Math.round(256 * 1.5 ** i));
/** Beginnings that are remembered, some 4 MB of them; beyond it the one unused for longest goes. */
const MAX_KNOWN = 65_536;

export function prefixAffinity(random?: () => number, { firstTurn, owners = makeOwners() }: PolicyShare = {}): Policy {
  const others = leastInflight(random, { firstTurn });
  return {
    name: "prefix_affinity",
    rank(candidates, request) {
      const ranked = others.rank(candidates, request);
      const hashes = hashesOf(request.prompt);
      const owner = ownerOf(hashes, candidates, owners);
      const first = owner !== null && !isOverloaded(owner, candidates) ? owner : ranked[0];
      if (first === undefined) return ranked;
      for (const hash of hashes) owners.put(hash, first.name);
      return first === ranked[0] ? ranked : [first, ...ranked.filter((candidate) => candidate !== first)];
    },
  };
}

/** One hash for each point the prompt reaches, the shortest first. */
function hashesOf(prompt: Uint8Array): readonly number[] {
  const hashes: number[] = [];
  let hash: number | undefined;
  let from = 0;
  for (const to of points) {
    if (to > prompt.length) break;
    hash = hashBytes(prompt, from, to, hash);
    hashes.push(hash);
    from = to;
  }
  return hashes;
}

function ownerOf(
  hashes: readonly number[],
  candidates: readonly Candidate[],
  owners: PrefixOwners,
): Candidate | null {
  for (let i = hashes.length - 1; i >= 0; i--) {
    const name = owners.get(hashes[i]!);
    const owner = name === undefined ? undefined : candidates.find((candidate) => candidate.name === name);
    if (owner !== undefined) return owner;
  }
  return null;
}

function makeOwners(): PrefixOwners {
  const owners = new Map<number, string>();
  return {
    get: (hash) => owners.get(hash),
    put(hash, name) {
      owners.delete(hash);
      owners.set(hash, name);
      for (const oldest of owners.keys()) {
        if (owners.size <= MAX_KNOWN) return;
        owners.delete(oldest);
      }
    },
  };
}
