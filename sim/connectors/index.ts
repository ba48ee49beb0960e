// The connectors the simulator plays, by vLLM's names.

import type { Connector, EngineHost } from "./connector.ts";
import { makeNixlPull } from "./nixl_pull.ts";

const makers: Readonly<Record<string, (host: EngineHost) => Connector>> = {
  NixlConnector: makeNixlPull,
  NixlPullConnector: makeNixlPull,
};

export function makeConnector(host: EngineHost): Connector {
  const make = makers[host.connector.name];
  if (!make) throw new Error(`connector ${host.connector.name} passed the version check but has no maker`);
  return make(host);
}
