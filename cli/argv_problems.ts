// What can be wrong with a command line, each told with the line that would be right.

import { nearestName } from "../kv/nearest_name.ts";
import type { Problem } from "../plan/problem.ts";
import type { Setting } from "../plan/settings.ts";
import { ownFlags } from "./own_flags.ts";
import { verbs } from "./verbs.ts";

export function missingValue(flag: string, example: string, next: string | undefined): Problem {
  return usage(flag, {
    what: `Give ${flag} a value`,
    why: next === undefined ? "the line ends there" : `the next word is ${next}`,
    fix: `${flag} ${example}`,
  });
}

/** A value as it could stand after the flag. */
export function exampleValue(setting: Setting): string {
  return setting.choices?.[0] ?? setting.hint ?? setting.default ?? "VALUE";
}

export function switchTakesNoSuchValue(flag: string, value: string): Problem {
  return usage(flag, {
    what: `Cannot read "${value}" after ${flag}=`,
    why: "a switch is true or false",
    fix: `${flag}=true`,
  });
}

export function unknownFlag(flag: string, engine: string, engineFlags: readonly string[]): Problem {
  const meant = nearestName(flag, [...ownFlags.keys(), ...engineFlags, "--help", "--version"].filter(isLong));
  return usage(flag, {
    what: `Unknown flag ${flag}`,
    why: `it is neither pdserve's nor one of the ${engine} flags that are passed on as they are`,
    fix: meant ?? `for a flag of ${engine}, put it after --: pdserve MODEL -- ${flag}`,
  });
}

/** A short flag is near to everything. */
function isLong(flag: string): boolean {
  return flag.startsWith("--");
}

export function openQuote(flag: string): Problem {
  return usage(flag, {
    what: `Cannot split the value of ${flag} into words`,
    why: "a quote is opened and not closed",
    fix: `${flag} '--flag "one value"'`,
  });
}

/** `written` is what the user typed, `flag` the engine's name for it. */
export function ownedByPlan(written: string, flag: string, reason: string): Problem {
  const router = ownFlags.has(flag) ? `${flag} before --, for the router` : `leave ${written} out`;
  return usage(written, { what: `${written} is set by pdserve`, why: reason, fix: insteadOf[flag] ?? router });
}

const insteadOf: Readonly<Record<string, string>> = {
  "--kv-transfer-config": "--kv-connector NAME, and --kv-extra-config JSON for kv_connector_extra_config",
};

export function severalModels(words: readonly string[]): Problem {
  const [first = "", ...rest] = words;
  const where = `argument "${rest[0]}"`;
  const verb = first.length < 4 ? null : nearestName(first, Object.keys(verbs));
  if (verb !== null) {
    const what = `Unknown verb "${first}"`;
    return { ...usage(first, { what, why: "a MODEL follows it", fix: `pdserve ${verb} ${rest.join(" ")}` }), where };
  }
  const what = `Name one MODEL, not ${words.map((word) => `"${word}"`).join(" and ")}`;
  const fix = `pdserve ${first}; a value that has spaces must be quoted`;
  return { ...usage(first, { what, why: "a run serves one model", fix }), where };
}

function usage(flag: string, said: Pick<Problem, "what" | "why" | "fix">): Problem {
  return { ...said, where: `flag ${flag}`, severity: "error", exitCode: 2 };
}
