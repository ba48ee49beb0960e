// All policies by name. Each router side (prefill, decode) makes its own, as a policy remembers whose turn it is.

import { consistentHash } from "./consistent_hash.ts";
import { leastInflight } from "./least_inflight.ts";
import { leastTokens } from "./least_tokens.ts";
import type { Policy, PolicyShare } from "./policy.ts";
import { powerOfTwo } from "./power_of_two.ts";
import { prefixAffinity } from "./prefix_affinity.ts";
import { roundRobin } from "./round_robin.ts";

export type MakePolicy = (random: () => number, share?: PolicyShare) => Policy;

export const policies = {
  round_robin: roundRobin,
  least_inflight: leastInflight,
  power_of_two: powerOfTwo,
  least_tokens: leastTokens,
  consistent_hash: consistentHash,
  prefix_affinity: prefixAffinity,
} satisfies Record<string, MakePolicy>;

export type PolicyName = keyof typeof policies;
