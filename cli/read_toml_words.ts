// PRIME-RL's words on a line: `@ FILE`, `--some.key @ FILE`, and dotted keys with their values.

import { isKvMember } from "../plan/kv_members.ts";
import { type ArgvLine, type FlagWord, looksLikeFlag, undotted } from "./argv_line.ts";
import { missingValue } from "./argv_problems.ts";

/** `@ FILE` or `@FILE`, of which `word` is the first word; `under` is the key it was given for. */
export function readTomlFile(line: ArgvLine, word: string, under: string | null): void {
  const path = word.slice(1) || line.words[line.at++];
  if (path === undefined) line.problems.push(missingValue("@", "FILE.toml", undefined));
  else line.toml.files.push({ under, path });
}

/** Only beside an `@ FILE`: else a dotted flag is an engine's, or nobody's. */
export function isTomlKey(line: ArgvLine, { name }: FlagWord): boolean {
  const head = undotted(name);
  if (isKvMember(name) || head in line.engine.commonFlags) return false;
  const isFor = (word: string | undefined) => word?.startsWith("@") === true;
  return isFor(line.words[line.at]) || (head !== name && line.words.some(isFor));
}

export function readTomlKey(line: ArgvLine, flag: FlagWord): void {
  const denied = flag.name.startsWith("--no-");
  const key = flag.name.slice(denied ? 5 : 2).replaceAll("-", "_");
  const next = line.words[line.at];
  if (flag.inline === null && next?.startsWith("@")) {
    line.at++;
    return readTomlFile(line, next, key);
  }
  const takesNext = !denied && flag.inline === null && next !== undefined && !looksLikeFlag(next);
  const value = denied ? "false" : flag.inline ?? (takesNext ? next : "true");
  if (takesNext) line.at++;
  line.toml.overrides.push({ key, value, flag: flag.written });
}
