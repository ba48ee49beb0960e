// Which words of a command line are the verb, MODEL and pdserve's own flags, and which belong to the engines?
//
// A general argument parser cannot tell: `--prefill.X V` and everything after `--` are flags of an engine whose names
// change with every release, and people type vLLM's habitual flags without `--`. And all mistakes are told at once.

import type { TomlLine } from "../plan/dialects/prime_rl/load_toml.ts";
import type { FlagInput } from "../plan/flag_layer.ts";
import type { Problem } from "../plan/problem.ts";
import {
  type ArgvLine,
  type EngineFlags,
  type FlagWord,
  flagWord,
  type HelpWish,
  looksLikeFlag,
  startLine,
  takeValue,
} from "./argv_line.ts";
import { exampleValue, severalModels, switchTakesNoSuchValue } from "./argv_problems.ts";
import { type OwnFlag, ownFlags } from "./own_flags.ts";
import { passOn, readCommonFlag, readRoleArgs, readRoleFlag } from "./read_engine_flag.ts";
import { readJobWord } from "./read_job_words.ts";
import { isTomlKey, readTomlFile, readTomlKey } from "./read_toml_words.ts";
import { isVerb, type VerbName, verbs } from "./verbs.ts";

export interface SplitArgv extends FlagInput {
  /** Null when none is named, which means `up`. */
  readonly verb: VerbName | null;
  /** Words after a verb that takes something else than MODEL. */
  readonly operands: readonly string[];
  readonly help: HelpWish | null;
  /** `-V` or `--version`. */
  readonly asksVersion: boolean;
  /** PRIME-RL's `@ FILE` and dotted keys. */
  readonly toml: TomlLine;
  readonly problems: readonly Problem[];
}

/** `engineOf` is asked for the engine that `--engine` names, or with null when the line names none. */
export function splitArgv(argv: readonly string[], engineOf: (name: string | null) => EngineFlags): SplitArgv {
  const end = argv.includes("--") ? argv.indexOf("--") : argv.length;
  const words = argv.slice(0, end);
  const line = startLine(words, engineOf(engineNamed(words)));
  while (line.at < words.length) readWord(line);
  passOn(line, argv.slice(end + 1), "--", "both");
  const { values, engineArgs, help, asksVersion, toml, problems } = line;
  return { ...sortPositionals(line), values, engineArgs, help, asksVersion, toml, problems };
}

/** The value of the last `--engine`: it decides which flags are the engine's, so it is needed before the rest is read. */
function engineNamed(words: readonly string[]): string | null {
  const at = words.findLastIndex((word) => flagWord(word).name === "--engine");
  return at < 0 ? null : flagWord(words[at] ?? "").inline ?? words[at + 1] ?? null;
}

function readWord(line: ArgvLine): void {
  const word = line.words[line.at++] ?? "";
  if (word.startsWith("@")) return readTomlFile(line, word, null);
  if (!looksLikeFlag(word)) return void line.positionals.push(word);
  const flag = flagWord(word);
  const own = ownFlags.get(flag.name);
  if (own !== undefined) return readOwnFlag(line, flag, own);
  const [, role, separator, rest] = /^--(prefill|decode)([.]|-args$)(.*)$/.exec(flag.name) ?? [];
  if (role === "prefill" || role === "decode") {
    return separator === "." ? readRoleFlag(line, flag, `--${rest}`, role) : readRoleArgs(line, flag, role);
  }
  if (isTomlKey(line, flag)) return readTomlKey(line, flag);
  if (readJobWord(line, flag)) return;
  switch (flag.name) {
    case "-h":
      line.help = { is: "short" };
      break;
    case "--help":
      line.help = flag.inline === null ? { is: "full" } : { is: "about", word: flag.inline };
      break;
    case "-V":
    case "--version":
      line.asksVersion = true;
      break;
    case "--model":
      // The older spelling of vLLM's own MODEL argument.
      line.positionals.push(takeValue(line, flag, "MODEL") ?? "MODEL");
      break;
    default:
      readCommonFlag(line, flag);
  }
}

function readOwnFlag(line: ArgvLine, flag: FlagWord, own: OwnFlag): void {
  const say = (value: string) => line.values.push({ key: own.key, value, flag: flag.written });
  if (own.bare !== null) {
    const value = switchValue(own.bare, flag.inline);
    if (value === null) line.problems.push(switchTakesNoSuchValue(flag.written, flag.inline ?? ""));
    else say(value);
    return;
  }
  const first = takeValue(line, flag, exampleValue(own.setting));
  if (first !== null) say(first);
  while (own.setting.kind === "list" && isAddress(line.words[line.at])) say(line.words[line.at++] ?? "");
}

function switchValue(bare: "true" | "false", inline: string | null): "true" | "false" | null {
  if (inline === null || inline === "true") return bare;
  if (inline === "false") return bare === "true" ? "false" : "true";
  return null;
}

/** What may follow the first URL of a list; MODEL never looks like this. */
function isAddress(word: string | undefined): boolean {
  return word !== undefined && /^(https?:\/\/|unix:|[\w.-]+:\d+(#|$)|\[[\da-f:]+\]:\d+(#|$))/i.test(word);
}

function sortPositionals(line: ArgvLine): Pick<SplitArgv, "verb" | "operands" | "model"> {
  const [first, ...rest] = line.positionals;
  const verb = first !== undefined && isVerb(first) ? first : null;
  const words = verb === null ? line.positionals : rest;
  if (verb !== null && "operands" in verbs[verb]) return { verb, operands: words, model: null };
  if (words.length > 1 && !line.unsure) line.problems.push(severalModels(words));
  return { verb, operands: [], model: words[0] ?? null };
}
