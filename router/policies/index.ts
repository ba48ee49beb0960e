// All policies by name. Each router side (prefill, decode) makes its own, as a policy remembers whose turn it is.

import { leastInflight } from "./least_inflight.ts";
import type { Policy } from "./policy.ts";
import { powerOfTwo } from "./power_of_two.ts";
import { roundRobin } from "./round_robin.ts";

export type MakePolicy = (random: () => number) => Policy;

export const policies = {
  round_robin: roundRobin,
  least_inflight: leastInflight,
  power_of_two: powerOfTwo,
} satisfies Record<string, MakePolicy>;

export type PolicyName = keyof typeof policies;
