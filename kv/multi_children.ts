// The connectors inside a MultiConnector, as the user lists them.

import type { Connector, ExtraConfig, FindConnector } from "./connector.ts";
import type { Json } from "./json.ts";

export interface Child {
  readonly connector: Connector;
  readonly extraConfig: ExtraConfig;
  /** What the user says besides name, role and extra config, e.g. `kv_buffer_device`. */
  readonly members: Readonly<Record<string, Json>>;
}

/** Each is a KVTransferConfig; a text is taken for a name. Those without a name are left out. */
export function readChildren({ connectors }: ExtraConfig, find: FindConnector): readonly Child[] {
  if (!Array.isArray(connectors)) return [];
  return connectors.flatMap((entry: Json) => {
    const config = typeof entry === "string" ? { kv_connector: entry } : asObject(entry);
    // pdserve gives roles, since one list serves prefill and decode.
    const { kv_connector: name, kv_connector_extra_config: extra, kv_role: _, ...members } = config;
    const extraConfig = asObject(extra);
    return typeof name === "string" ? [{ connector: find(name, extraConfig), extraConfig, members }] : [];
  });
}

function asObject(value: Json | undefined): ExtraConfig {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as ExtraConfig : {};
}
