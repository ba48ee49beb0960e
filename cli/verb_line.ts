// The command line of a verb that speaks to a running pdserve: its own few flags, and which run is meant.

import { parseArgs } from "node:util";
import { nearestName } from "../kv/nearest_name.ts";
import type { Problem } from "../plan/problem.ts";
import type { VerbFlag } from "./verbs.ts";

export interface VerbLine {
  readonly operands: readonly string[];
  /** What a flag said, or that it was given. */
  text(flag: string): string | null;
  has(flag: string): boolean;
  readonly problems: readonly Problem[];
}

/** Flags every such verb takes; the first two are settings of a run as well. */
export const runFlags: Readonly<Record<string, VerbFlag>> = {
  name: { value: "NAME", help: "Which run, by the --name it was started with or the beginning of its id" },
  "state-dir": { value: "DIR", help: "Where runs keep their folders; default $XDG_STATE_HOME/pdserve" },
};

/** `argv` is all words after `pdserve`, the verb included, wherever it stands. */
export function readVerbLine(
  argv: readonly string[],
  own: Readonly<Record<string, VerbFlag>>,
  env: Readonly<Record<string, string | undefined>>,
): VerbLine {
  const flags = { ...own, ...runFlags };
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { short, value }]) => [name, {
      type: value === undefined ? "boolean" as const : "string" as const,
      ...(short === undefined ? {} : { short }),
    }]),
  );
  const { values, positionals, tokens } = parseArgs({
    args: [...argv],
    options,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const problems = tokens.flatMap((token) => token.kind === "option" ? problemOf(token, flags, argv[0] ?? "") : []);
  const given = (flag: string) => values[flag] ?? env[`PDSERVE_${flag.replaceAll("-", "_").toUpperCase()}`];
  return {
    operands: positionals.slice(1),
    text: (flag) => typeof given(flag) === "string" ? String(given(flag)) : null,
    has: (flag) => given(flag) === true || given(flag) === "true",
    problems,
  };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
}

function problemOf(
  { name, rawName, value }: OptionToken,
  flags: Readonly<Record<string, VerbFlag>>,
  verb: string,
): Problem[] {
  const flag = flags[name];
  if (flag === undefined) {
    const nearest = nearestName(name, Object.keys(flags));
    const known = Object.keys(flags).map((one) => `--${one}`).join(", ");
    return [
      usage(
        rawName,
        `Unknown flag "${rawName}"`,
        `it takes ${known}`,
        nearest === null ? `pdserve help ${verb}` : `--${nearest}`,
      ),
    ];
  }
  if (flag.value === undefined || value !== undefined) return [];
  return [usage(rawName, `Give ${rawName} a value`, flag.help, `${rawName} ${flag.value}`)];
}

function usage(flag: string, what: string, why: string, fix: string): Problem {
  return { what, why, fix, where: `flag ${flag}`, severity: "error", exitCode: 2 };
}
