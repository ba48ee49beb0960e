// What one source (file, environment, command line) says, still as text; layer_spec.ts types it and lays the sources over each other.

import type { SettingKey } from "./settings.ts";
import type { EngineArgument, EngineVariable, Layout, Origin, Sourced } from "./spec.ts";

export interface Saying {
  readonly key: SettingKey;
  readonly text: string;
  readonly origin: Origin;
}

export interface Layer {
  readonly model: Sourced<string> | null;
  /** In the order written: the last one wins, and list settings gather all of one layer. */
  readonly sayings: readonly Saying[];
  readonly engineArgs: {
    readonly both: readonly EngineArgument[];
    readonly prefill: readonly EngineArgument[];
    readonly decode: readonly EngineArgument[];
  };
  readonly engineEnv: {
    readonly both: readonly EngineVariable[];
    readonly prefill: readonly EngineVariable[];
    readonly decode: readonly EngineVariable[];
  };
  /** Absent where the source lays out no workers of its own. */
  readonly layout?: Layout;
}

export const emptyLayer: Layer = {
  model: null,
  sayings: [],
  engineArgs: { both: [], prefill: [], decode: [] },
  engineEnv: { both: [], prefill: [], decode: [] },
};

/** Two files as one source: what `over` says wins over `under`. */
export function stackLayers(under: Layer, over: Layer): Layer {
  const both = <T>(a: Record<"both" | "prefill" | "decode", readonly T[]>, b: typeof a) => ({
    both: [...a.both, ...b.both],
    prefill: [...a.prefill, ...b.prefill],
    decode: [...a.decode, ...b.decode],
  });
  const layout = over.layout ?? under.layout;
  return {
    model: over.model ?? under.model,
    sayings: [...under.sayings, ...over.sayings],
    engineArgs: both(under.engineArgs, over.engineArgs),
    engineEnv: both(under.engineEnv, over.engineEnv),
    ...(layout === undefined ? {} : { layout }),
  };
}
