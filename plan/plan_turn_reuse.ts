// Whether prefill may read a session's turn before from decode, and what the workers are launched with for it.

import type { Connector, ExtraConfig } from "../kv/connector.ts";
import type { Problem } from "./problem.ts";
import { originText, type Spec } from "./spec.ts";

/** Below it the margin before decode lets go takes most of the time. */
const LEAST_MS = 20_000;

/** Nothing unless --turn-reuse asks for it. `startsWorkers`: this run does. */
export function checkTurnReuse(
  { settings: { turnReuseMs: { value, origin } } }: Spec,
  { name, turnReuse }: Connector,
  startsWorkers: boolean,
): Problem[] {
  if (value === null) return [];
  const where = originText(origin);
  const refuse = (why: string, fix: string): Problem[] => {
    const what = "Cannot reuse a session's turns (--turn-reuse)";
    return [{ what, why, fix, where, severity: "error", exitCode: 2 }];
  };
  const without = "leave --turn-reuse out";
  if (!startsWorkers) return refuse("workers that somebody else started are not known to allow it", without);
  if (turnReuse === undefined) return refuse(`prefill cannot read from decode with ${name}`, without);
  if (value < LEAST_MS) return refuse("in less than 20 s hardly a next turn comes", "--turn-reuse 60s");
  return [];
}

export function turnReuseConfig({ settings }: Spec, { turnReuse }: Connector): ExtraConfig {
  const { value } = settings.turnReuseMs;
  return value === null || turnReuse === undefined ? {} : turnReuse(value);
}
