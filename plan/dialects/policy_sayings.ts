// A router policy of another tool as pdserve's.

import type { Saying } from "../layer.ts";
import type { Problem } from "../problem.ts";
import { type Setting, settings } from "../settings.ts";
import type { Sourced } from "../spec.ts";
import { warningAt } from "./tell.ts";

type PolicyKey = "prefillPolicy" | "decodePolicy";

/** What other routers call what pdserve calls otherwise. */
const otherNames: Readonly<Record<string, string>> = {
  consistent_hashing: "consistent_hash",
  manual: "consistent_hash",
  rendezvous_hash: "consistent_hash",
  sticky_least_loaded: "consistent_hash",
  cache_aware: "prefix_affinity",
  prefix_hash: "prefix_affinity",
  bucket: "least_inflight",
  random: "power_of_two",
};

export function policySayings(
  said: Sourced<string> | null,
  keys: readonly PolicyKey[],
  problems: Problem[],
): readonly Saying[] {
  if (said === null) return [];
  const { value, origin } = said;
  return keys.flatMap((key) => {
    const choices = (settings[key] as Setting).choices ?? [];
    const known = [value, otherNames[value]].find((name) => name !== undefined && choices.includes(name));
    if (known === value) return [{ key, text: value, origin }];
    problems.push(warningAt(origin, {
      what: known === undefined ? `Leave out the policy "${value}"` : `Read the policy "${value}" as ${known}`,
      why: `pdserve's router has ${choices.join(", ")}`,
      fix: `${settings[key].flag} ${known ?? settings[key].default}`,
    }));
    return known === undefined ? [] : [{ key, text: known, origin }];
  });
}
