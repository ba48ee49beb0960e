// argv of `vllm serve`, as argparse reads it: `--a-b`, `--a_b`, `--a=v`, dotted keys, and vLLM's own error texts.

import { type SimFlag, simFlags } from "./sim_flags.ts";
import type { StartFailure } from "./settings.ts";
import { listFlags, shortFlags, switchFlags, valueFlags, wholeNumberFlags } from "./vllm_flags.ts";

export interface ParsedArgv {
  readonly model: string | null;
  /** Flag name with `-`, without `--`; a switch is "true" or "false"; dotted keys keep their rest. */
  readonly values: ReadonlyMap<string, readonly string[]>;
}

export function parseArgv(argv: readonly string[]): ParsedArgv | StartFailure {
  const values = new Map<string, string[]>();
  const unknown: string[] = [];
  let model: string | null = null;
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? "";
    if (!word.startsWith("-")) {
      if (model === null) model = word;
      else unknown.push(word);
      continue;
    }
    const flag = readFlag(word);
    if (!flag) {
      unknown.push(word);
      while (argv[at + 1] !== undefined && !argv[at + 1]?.startsWith("-")) unknown.push(argv[++at] ?? "");
      continue;
    }
    const given: string[] = flag.inline === null ? [] : [flag.inline];
    while (given.length < flag.most && takesNext(flag, given, argv[at + 1])) given.push(argv[++at] ?? "");
    const problem = valueProblem(flag, given);
    if (problem) return serveError(problem);
    const kept = flag.most === 0 ? [String(flag.on)] : given;
    values.set(flag.name, flag.appends ? [...values.get(flag.name) ?? [], ...kept] : kept);
  }
  if (unknown.length > 0) {
    return {
      exitCode: 2,
      stderr: `usage: vllm [-h] [-v]\nvllm: error: unrecognized arguments: ${unknown.join(" ")}\n`,
    };
  }
  return { model, values };
}

/** An argparse error about one argument: exit code 2. */
export function serveError(text: string): StartFailure {
  return { exitCode: 2, stderr: `usage: vllm serve [model_tag] [options]\nvllm serve: error: ${text}\n` };
}

interface FlagUse {
  readonly name: string;
  readonly inline: string | null;
  readonly least: number;
  readonly most: number;
  readonly on: boolean;
  readonly appends: boolean;
}

function readFlag(word: string): FlagUse | null {
  const equals = word.indexOf("=");
  const written = equals < 0 ? word : word.slice(0, equals);
  const inline = equals < 0 ? null : word.slice(equals + 1);
  const dot = written.indexOf(".");
  const base = (dot < 0 ? written : written.slice(0, dot)).replaceAll("_", "-");
  const name = shortFlags[base] ?? (base.startsWith("--") ? base.slice(2) : "");
  if (dot >= 0) {
    if (!valueFlags.has(name)) return null;
    const appends = written.endsWith("+");
    return { name: name + written.slice(dot), inline, least: 1, most: 1, on: true, appends };
  }
  const arity = arityOf(name);
  return arity && { name: arity.name, inline, least: arity.least, most: arity.most, on: arity.on, appends: false };
}

function arityOf(name: string): { name: string; least: number; most: number; on: boolean } | null {
  if (valueFlags.has(name)) return { name, least: 1, most: 1, on: true };
  if (switchFlags.has(name)) return { name, least: 0, most: 0, on: true };
  if (listFlags.has(name)) return { name, least: 1, most: Infinity, on: true };
  if (name.startsWith("no-") && switchFlags.has(name.slice(3))) {
    return { name: name.slice(3), least: 0, most: 0, on: false };
  }
  const own = ownFlag(name);
  if (!own) return null;
  return own.value === null ? { name, least: 0, most: 0, on: true } : { name, least: 1, most: 1, on: true };
}

function ownFlag(name: string): SimFlag | undefined {
  return simFlags.find((flag) => `sim-${flag.name}` === name);
}

function takesNext(flag: FlagUse, given: readonly string[], next: string | undefined): boolean {
  if (next === undefined || flag.inline !== null) return false;
  if (!next.startsWith("-")) return true;
  return flag.most === 1 && given.length === 0 && /^-\d+(\.\d+)?$/.test(next);
}

function valueProblem(flag: FlagUse, given: readonly string[]): string | null {
  const shown = `argument --${flag.name}`;
  if (given.length < flag.least) {
    return `${shown}: expected ${flag.most === 1 ? "one argument" : "at least one argument"}`;
  }
  const own = ownFlag(flag.name);
  const whole = wholeNumberFlags.has(flag.name) || own?.value === "ms" || own?.value === "n";
  const bad = whole ? given.find((value) => !/^[+-]?\d+$/.test(value)) : undefined;
  if (bad !== undefined) return `${shown}: invalid int value: '${bad}'`;
  if (typeof own?.value !== "object" || own.value === null || own.value.includes(given[0] ?? "")) return null;
  const known = own.value.map((choice) => `'${choice}'`).join(", ");
  return `${shown}: invalid choice: '${given[0]}' (choose from ${known})`;
}
