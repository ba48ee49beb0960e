// Which of a line's flags are settings of pdserve, which the plan decides, and which go on to the engine?

import { readFlags } from "../../engine_flags.ts";
import type { Problem } from "../../problem.ts";
import { type EngineArgument, type EngineVariable, type Origin, originText, type Sourced } from "../../spec.ts";
import { type KvConfig, readKvConfig } from "./read_kv_config.ts";
import type { ServeLine } from "./serve_line.ts";
import { errorAt, warningAt } from "../tell.ts";

export interface ServeFacts {
  readonly line: ServeLine;
  readonly model: Sourced<string> | null;
  readonly servedModelName: Sourced<string> | null;
  readonly apiKey: Sourced<string> | null;
  readonly kv: KvConfig | null;
  /** Ports of `--port`, by which a proxy's command names the line. */
  readonly port: string | null;
  readonly tp: Sourced<number>;
  /** Tensor × pipeline × data parallel size. */
  readonly gpusPerWorker: number;
  /** For the engine as they are. */
  readonly args: readonly EngineArgument[];
  readonly env: readonly EngineVariable[];
  /** Addresses and devices which the plan gives out, for one message: `--port 8100 (line 3)`. */
  readonly replaced: readonly string[];
  readonly problems: readonly Problem[];
}

type Draft = { -readonly [K in keyof ServeFacts]: ServeFacts[K] extends readonly (infer T)[] ? T[] : ServeFacts[K] };

export function readServeLine(line: ServeLine): ServeFacts {
  const facts: Draft = {
    ...{ line, model: null, servedModelName: null, apiKey: null, kv: null, port: null },
    tp: { value: 1, origin: line.origin },
    ...{ gpusPerWorker: 1, args: [], env: [], replaced: [], problems: [] },
  };
  const sizes = { dp: 1, pp: 1 };
  for (const argument of line.args) readArgument(argument, facts, sizes);
  for (const variable of line.env) {
    if (isAddress(variable.name)) facts.replaced.push(shown(`${variable.name}=${variable.value}`, variable.origin));
    else facts.env.push(variable);
  }
  facts.gpusPerWorker = facts.tp.value * sizes.dp * sizes.pp;
  return facts;
}

function readArgument(argument: EngineArgument, facts: Draft, sizes: { dp: number; pp: number }): void {
  const { words, origin } = argument;
  const [flag] = readFlags(words, {});
  if (flag === undefined) return readModel(words, origin, facts);
  const { name, value } = flag;
  switch (name) {
    case "--model":
    case "--model-tag":
      return readModel([value], origin, facts);
    case "--served-model-name":
      return readServedName(words, value, origin, facts);
    case "--api-key":
      facts.apiKey = { value, origin };
      return;
    case "--kv-transfer-config":
      return readKv(value, origin, facts);
    case "--tensor-parallel-size":
      facts.tp = { value: sizeOf(name, value, origin, facts), origin };
      return;
    case "--pipeline-parallel-size":
      sizes.pp = sizeOf(name, value, origin, facts);
      break;
    case "--data-parallel-size":
      sizes.dp = sizeOf(name, value, origin, facts);
      break;
    case "--port":
      facts.port = value;
      facts.replaced.push(shown(words.join(" "), origin));
      return;
    case "--host":
    case "--uds":
      facts.replaced.push(shown(words.join(" "), origin));
      return;
  }
  facts.args.push(argument);
}

function readModel(words: readonly string[], origin: Origin, facts: Draft): void {
  const [value = "", ...more] = words;
  if (facts.model !== null && facts.model.value !== value || more.length > 0) {
    const names = [facts.model?.value, ...words].filter((name) => name !== undefined);
    facts.problems.push(errorAt(origin, {
      what: `${facts.line.name} names several models: ${names.join(", ")}`,
      why: "one worker serves one",
      fix: `keep ${names[0]}`,
    }));
  }
  facts.model ??= { value, origin };
}

function readServedName(words: readonly string[], value: string, origin: Origin, facts: Draft): void {
  const names = words.length > 1 ? words.slice(1) : value.split(" ");
  facts.servedModelName = { value: names[0] ?? "", origin };
  if (names.length < 2) return;
  facts.problems.push(warningAt(origin, {
    what: `Serve the model as "${names[0]}" only`,
    why: `the router knows one name; ${names.slice(1).join(", ")} would be others`,
    fix: `--served-model-name ${names[0]}`,
  }));
}

function readKv(text: string, origin: Origin, facts: Draft): void {
  const read = readKvConfig(text, "--kv-transfer-config", origin);
  if (read.is === "wrong") return void facts.problems.push(read.problem);
  facts.kv = read.config;
  facts.args.push(...read.config.args);
  facts.replaced.push(...read.config.replaced.map((name) => shown(name, origin)));
}

function sizeOf(name: string, value: string, origin: Origin, facts: Draft): number {
  if (/^[1-9]\d{0,3}$/.test(value)) return Number(value);
  const why = "it must be a whole number from 1";
  facts.problems.push(errorAt(origin, { what: `${name} cannot be "${value}"`, why, fix: `${name} 2` }));
  return 1;
}

/** Where a worker listens, and what it sees: each worker of a plan gets its own. */
function isAddress(name: string): boolean {
  return /^(VLLM_\w*(PORT|HOST|HOST_IP)|CUDA_DEVICE_ORDER)$/.test(name);
}

function shown(what: string, origin: Origin): string {
  return origin.is === "file" ? `${what} (line ${origin.line})` : `${what} (${originText(origin)})`;
}
