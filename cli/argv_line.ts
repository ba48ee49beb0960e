// A command line while it is read: its words, how far it was read, what was found.

import type { TomlLine } from "../plan/dialects/prime_rl/load_toml.ts";
import type { FlagArgument, FlagInput } from "../plan/flag_layer.ts";
import type { Problem } from "../plan/problem.ts";
import type { Engine } from "../supervisor/engines/engine.ts";
import { missingValue } from "./argv_problems.ts";

export type EngineFlags = Pick<Engine, "name" | "commonFlags" | "commonFlagPrefix" | "ownedFlags">;

/** `-h` the flags that matter, `--help` all of them, `--help=WORD` those that have to do with a word. */
export type HelpWish = { readonly is: "short" | "full" } | { readonly is: "about"; readonly word: string };

export type EngineArgsOf = "both" | "prefill" | "decode";

export interface ArgvLine {
  readonly words: readonly string[];
  /** Index of the next word to read. */
  at: number;
  readonly engine: EngineFlags;
  readonly positionals: string[];
  readonly values: FlagInput["values"][number][];
  readonly engineArgs: Record<EngineArgsOf, FlagArgument[]>;
  readonly toml: { readonly [K in keyof TomlLine]: TomlLine[K][number][] };
  readonly problems: Problem[];
  help: HelpWish | null;
  asksVersion: boolean;
  /** After a flag that cannot be taken nobody knows whether the next word is its value or MODEL. */
  unsure: boolean;
}

export function startLine(words: readonly string[], engine: EngineFlags): ArgvLine {
  const engineArgs = { both: [], prefill: [], decode: [] };
  const found = { positionals: [], values: [], engineArgs, toml: { files: [], overrides: [] }, problems: [] };
  return { words, at: 0, engine, ...found, help: null, asksVersion: false, unsure: false };
}

/** One flag as typed. */
export interface FlagWord {
  readonly written: string;
  /** With `-` for `_`. */
  readonly name: string;
  /** What stands after `=`. */
  readonly inline: string | null;
}

export function flagWord(word: string): FlagWord {
  const equals = word.indexOf("=");
  const written = equals < 0 ? word : word.slice(0, equals);
  return { written, name: dashed(written), inline: equals < 0 ? null : word.slice(equals + 1) };
}

/** `_` and `-` are the same in a flag's name, but not in a JSON key after a dot. */
export function dashed(name: string): string {
  return name.replace(/^--[^.]*/, (head) => head.replaceAll("_", "-"));
}

/** `--compilation-config` of `--compilation-config.mode`. */
export function undotted(name: string): string {
  return name.split(".", 1)[0] ?? name;
}

/** A number below zero and a lone `-` are values. */
export function looksLikeFlag(word: string): boolean {
  return /^-[-a-zA-Z]/.test(word);
}

/** The word after `=`, or the next one unless it is a flag; null, with the problem told, when there is none. */
export function takeValue(line: ArgvLine, flag: FlagWord, example: string): string | null {
  if (flag.inline) return flag.inline;
  const next = line.words[line.at];
  if (flag.inline === null && next !== undefined && !looksLikeFlag(next)) {
    line.at++;
    return next;
  }
  line.problems.push(missingValue(flag.written, example, flag.inline === null ? next : undefined));
  return null;
}
