// Would this connector work with the engine that is installed here?

import { chooseConnector } from "./choose_connector.ts";
import type { ConnectorProblem, Device, ExtraConfig } from "./connector.ts";

/** The engine as found; `imports` as in ConnectorWish. */
export interface EngineHere {
  readonly engine: string;
  readonly engineVersion: string;
  readonly device: Device;
  readonly imports: Readonly<Record<string, string | null>>;
}

export type Here =
  | { readonly is: "yes"; readonly reason: string; readonly warnings: readonly ConnectorProblem[] }
  | { readonly is: "no"; readonly problems: readonly ConnectorProblem[] }
  /** There is no engine here to ask. */
  | { readonly is: "unknown" };

export function connectorHere(name: string, engine: EngineHere | null, extraConfig: ExtraConfig = {}): Here {
  if (engine === null) return { is: "unknown" };
  const choice = chooseConnector({ ...engine, asked: name, extraConfig });
  return "connector" in choice
    ? { is: "yes", reason: choice.reason, warnings: choice.warnings }
    : { is: "no", problems: choice };
}
