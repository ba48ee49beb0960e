// What a plan needs besides the wish and the machine: the connectors to choose from, and facts only the caller knows.

import type { ConnectorChoice, ConnectorWish } from "../kv/choose_connector.ts";
import type { Connector, ConnectorProblem, ExtraConfig } from "../kv/connector.ts";

export interface Surroundings {
  readonly chooseConnector: (wish: ConnectorWish) => ConnectorChoice | readonly ConnectorProblem[];
  /** By name or alias, as the extra config makes it, whatever the version; an unknown name gets a plain two-step one. */
  readonly findConnector: (name: string, extraConfig?: ExtraConfig) => { readonly connector: Connector };
  /** How this pdserve is called: the simulator is the same binary. */
  readonly ownCommand: readonly string[];
  /** Whether MODEL is there when `looksLikePath(model)`; null when not looked at. */
  readonly modelExists: boolean | null;
  /** Working folder of the workers. */
  readonly cwd: string;
  /** A folder private to the run, for connectors that hand over through files. */
  readonly sharedDir: string;
  /** Short and new for each run: part of the workers' engine ids. */
  readonly nonce: string;
}
