// Flags of the routers people run in front of their workers, as settings of pdserve's own.

import type { Saying } from "../layer.ts";
import type { Problem } from "../problem.ts";
import type { Origin } from "../spec.ts";
import { policySayings } from "./policy_sayings.ts";

const keyOf: Readonly<Record<string, Saying["key"]>> = {
  "--host": "host",
  "--port": "port",
  "--api-key": "apiKey",
  "--max-concurrent-requests": "maxInFlight",
  "--queue-size": "maxQueue",
  "--max-payload-size": "maxBodyBytes",
  "--request-timeout-secs": "requestTimeoutMs",
};
const policies = {
  "--policy": ["prefillPolicy", "decodePolicy"],
  "--prefill-policy": ["prefillPolicy"],
  "--decode-policy": ["decodePolicy"],
} as const;

/** Null for a flag that has no counterpart here. */
export function proxyFlag(name: string, value: string, origin: Origin, problems: Problem[]): readonly Saying[] | null {
  const keys = policies[name as keyof typeof policies];
  if (keys !== undefined) return policySayings({ value, origin }, keys, problems);
  const key = keyOf[name];
  return key === undefined ? null : [{ key, text: name.endsWith("-secs") ? `${value}s` : value, origin }];
}
