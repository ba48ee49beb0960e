// What the command line says. The CLI splits argv; this is the form it hands over.

import { emptyLayer, type Layer } from "./layer.ts";
import type { SettingKey } from "./settings.ts";
import type { EngineArgument } from "./spec.ts";

export interface FlagInput {
  readonly model: string | null;
  /** `flag` is the spelling used. Switches carry "true" or "false": `--no-canary` is `{ key: "canary", value: "false" }`. */
  readonly values: readonly { readonly key: SettingKey; readonly value: string; readonly flag: string }[];
  /** Arguments for the engines, role flags without their role: `--prefill.max-num-seqs 8` is `["--max-num-seqs", "8"]`. */
  readonly engineArgs: {
    readonly both: readonly FlagArgument[];
    readonly prefill: readonly FlagArgument[];
    readonly decode: readonly FlagArgument[];
  };
}

export interface FlagArgument {
  readonly words: readonly string[];
  /** As typed: `--max-model-len`, `--prefill.max-num-seqs`, `--` for what stands after it. */
  readonly flag: string;
}

export const noFlags: FlagInput = { model: null, values: [], engineArgs: { both: [], prefill: [], decode: [] } };

export function flagLayer(flags: FlagInput): Layer {
  return {
    ...emptyLayer,
    model: flags.model === null ? null : { value: flags.model, origin: { is: "flag", flag: "MODEL" } },
    sayings: flags.values.map(({ key, value, flag }) => ({ key, text: value, origin: { is: "flag", flag } })),
    engineArgs: {
      both: flags.engineArgs.both.map(sourced),
      prefill: flags.engineArgs.prefill.map(sourced),
      decode: flags.engineArgs.decode.map(sourced),
    },
  };
}

function sourced({ words, flag }: FlagArgument): EngineArgument {
  return { words, origin: { is: "flag", flag } };
}
