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
