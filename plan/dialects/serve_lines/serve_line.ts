// One `vllm serve` as some file writes it: a pdjob role, a Deployment, a line of a script.

import { readFlags } from "../../engine_flags.ts";
import type { EngineArgument, EngineVariable, Origin, Sourced } from "../../spec.ts";

export type PdRole = "prefill" | "decode";

export interface ServeLine {
  /** For people: `Deployment vllm-prefill`, `vllm serve`. */
  readonly name: string;
  readonly origin: Origin;
  /** What the file says of its role besides kv_role. */
  readonly role: PdRole | null;
  readonly replicas: number;
  /** GPUs one replica is given, where the file counts them. */
  readonly gpuCount: Sourced<number> | null;
  /** CUDA_VISIBLE_DEVICES, where the file lists them. */
  readonly gpuIds: Sourced<string> | null;
  /** What stands after `vllm serve`: MODEL, or a flag with its values, each with its line. */
  readonly args: readonly EngineArgument[];
  readonly env: readonly EngineVariable[];
}

/** Cuts words into MODEL and flags with their values. */
export function serveArguments(words: readonly { readonly text: string; readonly origin: Origin }[]): EngineArgument[] {
  const args: EngineArgument[] = [];
  let at = 0;
  for (; at < words.length && !isFlag(words[at]?.text); at++) {
    args.push({ words: [words[at]?.text ?? ""], origin: words[at]?.origin ?? { is: "default" } });
  }
  for (const { words: flagWords } of readFlags(words.slice(at).map(({ text }) => text), {})) {
    args.push({ words: flagWords, origin: words[at]?.origin ?? { is: "default" } });
    at += flagWords.length;
    // `--flag=value more`: words that belong to no flag are skipped by readFlags.
    while (at < words.length && !isFlag(words[at]?.text)) at++;
  }
  return args;
}

function isFlag(word: string | undefined): boolean {
  return word !== undefined && /^-{1,2}[A-Za-z]/.test(word);
}
