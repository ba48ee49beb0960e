// Words that vime's and slime's launch lines have and nobody else: `--hf-checkpoint`, `--router-X`, `--vllm-X`, `--sglang-X`.

import { proxyFlag } from "../plan/dialects/proxy_flags.ts";
import { translateSglang } from "../plan/dialects/rollout/sglang_names.ts";
import { sglangWords, translateVllm } from "../plan/dialects/rollout/vllm_names.ts";
import { flagWords } from "../plan/dialects/flag_words.ts";
import type { Origin } from "../plan/spec.ts";
import { type ArgvLine, type FlagWord, looksLikeFlag, takeValue } from "./argv_line.ts";

type RolloutFlag = { readonly engineFlag: string } | { readonly setting: ProbeSetting } | { readonly why: string };

/** Durations; the rollout's numbers are seconds, as a bare number is here. */
type ProbeSetting = "probeIntervalMs" | "probeTimeoutMs" | "probeFirstWaitMs";

/** Flags of the rollout that mean something here, by what becomes of them. */
const rolloutFlags: Readonly<Record<string, RolloutFlag>> = {
  "--rollout-max-context-len": { engineFlag: "max-model-len" },
  "--use-fault-tolerance": { why: "workers are watched and restarted unless --fail-fast says otherwise" },
  "--rollout-health-check-interval": { setting: "probeIntervalMs" },
  "--rollout-health-check-timeout": { setting: "probeTimeoutMs" },
  "--rollout-health-check-first-wait": { setting: "probeFirstWaitMs" },
};

/** False where the flag is none of these. */
export function readJobWord(line: ArgvLine, flag: FlagWord): boolean {
  const rollout = rolloutFlags[flag.name];
  if (rollout !== undefined) {
    const value = freeValue(line, flag);
    if ("why" in rollout) warn(line, flag, rollout.why);
    else if ("setting" in rollout) line.values.push({ key: rollout.setting, value: value ?? "", flag: flag.written });
    else line.engineArgs.both.push({ words: words(rollout.engineFlag, value), flag: flag.written });
    return true;
  }
  if (flag.name === "--hf-checkpoint") {
    line.positionals.push(takeValue(line, flag, "MODEL") ?? "MODEL");
    return true;
  }
  const [, whose, name = ""] = /^--(router|vllm|sglang)-(.+)$/.exec(flag.name) ?? [];
  if (whose === undefined) return false;
  const value = freeValue(line, flag);
  if (whose === "router") routerFlag(line, flag, `--${name}`, value);
  else engineFlag(line, flag, whose === "vllm" ? "vllm" : "sglang", name, value);
  return true;
}

/** What stands behind it, where that is no flag; null for a bare one. */
function freeValue(line: ArgvLine, flag: FlagWord): string | null {
  if (flag.inline !== null) return flag.inline;
  const next = line.words[line.at];
  if (next === undefined || looksLikeFlag(next)) return null;
  line.at++;
  return next;
}

function words(name: string, value: string | null): string[] {
  return value === null ? [`--${name}`] : value.startsWith("-") ? [`--${name}=${value}`] : [`--${name}`, value];
}

function routerFlag(line: ArgvLine, flag: FlagWord, name: string, value: string | null): void {
  const origin: Origin = { is: "flag", flag: flag.written };
  const sayings = proxyFlag(name, value ?? "true", origin, line.problems);
  for (const { key, text } of sayings ?? []) line.values.push({ key, value: text, flag: flag.written });
  if (sayings === null) warn(line, flag, "pdserve's router stands in for the job's and has no such flag");
}

/** In the words of the engine that runs, as in a file of overrides. */
function engineFlag(
  line: ArgvLine,
  flag: FlagWord,
  whose: "vllm" | "sglang",
  name: string,
  value: string | null,
): void {
  const speaks = /sglang/.test(line.engine.name) ? "sglang" : "vllm";
  if (whose === speaks) return void line.engineArgs.both.push({ words: words(name, value), flag: flag.written });
  const key = name.replaceAll("-", "_");
  const translated = speaks === "vllm" ? translateSglang(key, value ?? true) : translateVllm(key, value ?? true);
  if (translated?.is === "nothing") return warn(line, flag, translated.why);
  const wordsOf = speaks === "vllm" ? flagWords : sglangWords;
  const said = translated === null
    ? [words(name, value)]
    : Object.entries(translated.flags).map(([one, set]) => wordsOf(one, set)).filter((each) => each.length > 0);
  for (const each of said) line.engineArgs.both.push({ words: each, flag: flag.written });
}

function warn(line: ArgvLine, flag: FlagWord, why: string): void {
  const { written } = flag;
  line.problems.push({
    what: `Ignore ${written}`,
    why,
    fix: `leave out ${written}`,
    where: `flag ${written}`,
    severity: "warning",
  });
}
