// /sim/*: what tests ask the simulator about itself. A real engine has none of these.

import { jsonReply, type Reply } from "../http/reply.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import type { Call } from "./api_server.ts";

/** Everything that was done wrong to this engine so far, oldest first. */
export function simViolations({ server }: Call): Reply {
  return jsonReply(200, server.violations.all().map((violation): Json => ({ ...violation })));
}

/** The last requests except /sim/*, /health and /metrics. */
export function simRequests({ server }: Call): Reply {
  return jsonReply(200, server.history.all().map((request): Json => ({ ...request, headers: { ...request.headers } })));
}

/** Blocks, leases and requests in flight, per data-parallel rank. */
export function simState({ server }: Call): Reply {
  const { settings } = server;
  const engines = server.engines.map((engine): JsonObject => ({
    ...engine.counts(),
    dead: engine.dead,
    blocksUsed: engine.pool.usedCount,
    blocksFree: engine.pool.freeCount,
    blockSize: engine.pool.blockSize,
    connector: engine.connector?.state() ?? null,
  }));
  return jsonReply(200, {
    model: settings.model,
    vllmVersion: settings.vllmVersion,
    connector: settings.connector?.name ?? null,
    role: settings.connector?.role ?? null,
    faults: { ...settings.faults } as unknown as Json,
    violations: server.violations.all().length,
    media: { ...server.media } as unknown as Json,
    engines,
  });
}

/** POST with members of `Faults` to change: the bad manners change while the engine runs. */
export function simFaults({ server, bodyText }: Call): Reply {
  let change: unknown = null;
  try {
    change = JSON.parse(bodyText);
  } catch {
    // Answered below like any other text that is no object.
  }
  const { faults } = server.settings;
  if (!isObject(change)) return jsonReply(400, { error: "a JSON object of faults is expected" });
  const unknown = Object.keys(change).filter((name) => !(name in faults));
  if (unknown.length > 0) return jsonReply(400, { error: `unknown faults: ${unknown.join(", ")}` });
  Object.assign(faults, change);
  for (const engine of server.engines) engine.wake();
  return jsonReply(200, { ...faults } as unknown as Json);
}
