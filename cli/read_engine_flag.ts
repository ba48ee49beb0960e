// Which words go on to the engines, as what?

import { isKvMember } from "../plan/kv_members.ts";
import { splitShellWords } from "../plan/shell_words.ts";
import {
  type ArgvLine,
  dashed,
  type EngineArgsOf,
  type FlagWord,
  flagWord,
  looksLikeFlag,
  takeValue,
  undotted,
} from "./argv_line.ts";
import { missingValue, openQuote, ownedByPlan, unknownFlag } from "./argv_problems.ts";
import { oppositeOf } from "./own_flags.ts";

/** A flag of the engine that needs no `--` before it; it goes to both roles. */
export function readCommonFlag(line: ArgvLine, flag: FlagWord): void {
  const { commonFlags, commonFlagPrefix, name } = line.engine;
  if (refusesOwned(line, flag.written, flag.name)) return;
  const isDotted = isKvMember(flag.name) || undotted(flag.name) !== flag.name && undotted(flag.name) in commonFlags;
  const hasPrefix = commonFlagPrefix !== undefined && flag.name.startsWith(commonFlagPrefix) &&
    commonFlags[flag.name] !== "switch";
  if (isDotted || hasPrefix || commonFlags[flag.name] === "value") {
    readValued(line, flag, flag.name, "both");
  } else if (commonFlags[flag.name.replace(/^--no-/, "--")] === "switch") {
    const words = flag.inline === null ? [flag.name] : switchWords(flag.name, flag.inline);
    line.engineArgs.both.push({ words, flag: flag.written });
  } else {
    line.problems.push(unknownFlag(flag.written, name, Object.keys(commonFlags)));
    line.unsure = true;
  }
}

/**
 * `--prefill.X V`: as in vLLM's own grammar a dotted flag always takes one value, so no table of its flags is needed.
 * `engineFlag` is `X` as the engine spells it, with its dashes.
 */
export function readRoleFlag(line: ArgvLine, flag: FlagWord, engineFlag: string, role: "prefill" | "decode"): void {
  const name = dashed(engineFlag);
  if (!refusesOwned(line, flag.written, name)) readValued(line, flag, name, role);
}

function readValued(line: ArgvLine, flag: FlagWord, name: string, to: EngineArgsOf): void {
  const isValue = line.engine.commonFlags[name] === "value" || undotted(name) !== name;
  const value = takeValue(line, flag, isValue ? "VALUE" : "true");
  if (value === null) return;
  const asSwitch = !isValue && (value === "true" || value === "false");
  const words = asSwitch ? switchWords(name, value) : value.startsWith("-") ? [`${name}=${value}`] : [name, value];
  line.engineArgs[to].push({ words, flag: flag.written });
}

function switchWords(name: string, value: string): string[] {
  if (value === "true") return [name];
  return value === "false" ? [oppositeOf(name)] : [`${name}=${value}`];
}

/** `--prefill-args '--max-num-seqs 64 --enforce-eager'`. */
export function readRoleArgs(line: ArgvLine, flag: FlagWord, role: "prefill" | "decode"): void {
  // The value is itself a line of flags, so one that begins with `--` is a value here.
  const text = flag.inline ?? line.words[line.at++];
  const words = splitShellWords(text ?? "");
  if (text === undefined) line.problems.push(missingValue(flag.written, "'--max-num-seqs 64'", undefined));
  else if (words === null) line.problems.push(openQuote(flag.written));
  else passOn(line, words, flag.written, role);
}

/** Words that reach the engines untouched: what stands after `--`. */
export function passOn(line: ArgvLine, words: readonly string[], flag: string, to: EngineArgsOf): void {
  for (const { written, name } of words.filter(looksLikeFlag).map(flagWord)) refusesOwned(line, written, name);
  if (words.length > 0) line.engineArgs[to].push({ words, flag });
}

function refusesOwned(line: ArgvLine, written: string, name: string): boolean {
  // Of these the plan owns some members only, and says which.
  if (isKvMember(name)) return false;
  const reason = line.engine.ownedFlags[undotted(name)];
  if (reason === undefined) return false;
  line.problems.push(ownedByPlan(written, undotted(name), reason));
  line.unsure = true;
  return true;
}
