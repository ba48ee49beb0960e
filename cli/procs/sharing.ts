// What a router is made with where it shares its run with routers in other processes.

import type { RouterOptions } from "../../router/make_router.ts";
import type { Part } from "../../router/numbers.ts";
import type { PolicyShare } from "../../router/policies/policy.ts";
import { makeSharedPrefixOwners } from "../../router/procs/prefix_owners.ts";
import { makeSharedNumbers } from "../../router/procs/shared_numbers.ts";
import type { WorkerNumbers } from "../../router/procs/worker_numbers.ts";
import { machineNowMs } from "./machine_clock.ts";
import type { SharedMemory } from "./messages.ts";

type SharedOptions = Pick<RouterOptions, "siblings" | "watchesFleet" | "numbers" | "weights">;

export interface Sharing {
  readonly options: SharedOptions;
  readonly now: () => number;
  readonly policies: Readonly<Record<"prefill" | "decode", PolicyShare>>;
}

export interface SharingParts extends Omit<SharedOptions, "numbers"> {
  readonly memory: SharedMemory;
  readonly cells: Int32Array;
  readonly part: Part;
  readonly names: WorkerNumbers;
}

export function makeSharing({ memory, cells, part, names, ...rest }: SharingParts): Sharing {
  const shared = { cells, part };
  const clock = { now: machineNowMs, madeAtMs: memory.madeAtMs };
  const policyOf = (side: "prefill" | "decode"): PolicyShare => ({
    firstTurn: part.at,
    owners: makeSharedPrefixOwners(shared, names, side),
  });
  return {
    options: { ...rest, numbers: makeSharedNumbers({ ...clock, shared, numbers: names, random: Math.random }) },
    now: machineNowMs,
    policies: { prefill: policyOf("prefill"), decode: policyOf("decode") },
  };
}
