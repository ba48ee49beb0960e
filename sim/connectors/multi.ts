// MultiConnector: the first child that has KV for a request brings it, every child stores, one child's params go out.

import { isObject, type Json } from "../json.ts";
import type { ConnectorSettings, KvRole } from "../settings/settings.ts";
import { type Connector, type EngineHost, nothingHandedOver } from "./connector.ts";

/** `make` builds a child; a parameter because the registry also knows this connector. */
export function makeMulti(host: EngineHost, make: (host: EngineHost) => Connector): Connector {
  const children = childSettings(host.connector).map((connector) => make({ ...host, connector }));
  return {
    async start() {
      for (const child of children) {
        const started = await child.start();
        if (started.kind !== "ready") return started;
      }
      return { kind: "ready" };
    },
    arrived: (request) => children.forEach((child) => child.arrived(request)),
    lookup(request, localTokens) {
      // Every child is asked, as in vLLM: a storing one must know that the request is new.
      const found = children.map((child) => child.lookup(request, localTokens));
      const later = found.flatMap((answer) => answer.kind === "later" ? [answer.until] : []);
      if (later.length > 0) return { kind: "later", until: Promise.all(later).then(() => {}) };
      return found.find(({ kind }) => kind !== "none") ?? { kind: "none" };
    },
    prefilled: async (request, blockIds) => {
      await Promise.all(children.map((child) => child.prefilled(request, blockIds)));
    },
    finished(request, blockIds, end) {
      const handovers = children.map((child) => child.finished(request, blockIds, end));
      return handovers.find(({ keepsBlocks }) => keepsBlocks) ?? nothingHandedOver;
    },
    dropped: (request) => children.forEach((child) => child.dropped(request)),
    state: () => ({ kind: "multi", children: children.map((child) => child.state()) }),
    stop: () => children.forEach((child) => child.stop()),
  };
}

function childSettings(parent: ConnectorSettings): readonly ConnectorSettings[] {
  const listed = parent.extra["connectors"];
  return (Array.isArray(listed) ? listed : []).filter(isObject).map((child) => ({
    ...parent,
    name: String(child["kv_connector"]),
    role: (child["kv_role"] ?? parent.role) as KvRole,
    extra: isObject(child["kv_connector_extra_config"] ?? null)
      ? child["kv_connector_extra_config"] as typeof parent.extra
      : {},
  } satisfies Record<keyof ConnectorSettings, Json>));
}
