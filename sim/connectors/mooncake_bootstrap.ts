// Mooncake's bootstrap server: which worker of which engine listens where. Workers register, routers and decode engines ask.

import { isObject, type Json, type JsonObject } from "../json.ts";
import type { EngineHost, StartOutcome } from "./connector.ts";

export interface Bootstrap {
  stop(): void;
}

/** dp rank → engine id and tp rank → pp rank → address, as `GET /query` shows it. */
type Registered = Map<string, { readonly engine_id: string; readonly worker_addr: JsonObject }>;

/** Data-parallel rank 0 serves; the others register with it. */
export async function startBootstrap(host: EngineHost, workerPort: number): Promise<Bootstrap | StartOutcome> {
  const port = host.settings.env.mooncakeBootstrapPort;
  const bootstrap = host.rank === 0 ? serve(port) : { stop: () => {} };
  if (!bootstrap) {
    const stderr = "ERROR:    [Errno 98] error while attempting to bind on address " +
      `('0.0.0.0', ${port}): address already in use\n`;
    return { kind: "failed", stderr };
  }
  for (let tp = 0; tp < host.settings.parallel.tp; tp++) {
    const body = {
      engine_id: host.engineId,
      dp_rank: host.rank,
      tp_rank: tp,
      pp_rank: 0,
      addr: `tcp://${host.settings.env.hostIp}:${workerPort}`,
    };
    await fetch(`http://127.0.0.1:${port}/register`, { method: "POST", body: JSON.stringify(body) });
  }
  return bootstrap;
}

/** Where the first worker of an engine listens; null when the server does not know it or does not answer. */
export async function findWorker(
  bootstrapUrl: string,
  engineId: string,
): Promise<{ readonly host: string; readonly port: number } | null> {
  try {
    const response = await fetch(new URL("/query", bootstrapUrl), { signal: AbortSignal.timeout(5000) });
    const ranks = Object.values(await response.json() as JsonObject).filter(isObject);
    const rank = ranks.find((entry) => entry["engine_id"] === engineId);
    const tp = isObject(rank?.["worker_addr"]) ? rank["worker_addr"]["0"] : null;
    const address = isObject(tp) ? /^tcp:\/\/(.*):(\d+)$/.exec(String(tp["0"])) : null;
    return address ? { host: address[1] ?? "", port: Number(address[2]) } : null;
  } catch {
    return null;
  }
}

function serve(port: number): Bootstrap | null {
  const registered: Registered = new Map();
  try {
    const server = Bun.serve({
      hostname: "0.0.0.0",
      port,
      idleTimeout: 0,
      routes: {
        "/query": () => Response.json(Object.fromEntries(registered) as unknown as Json),
        "/register": { POST: async (request) => register(registered, await request.json().catch(() => null)) },
      },
      fetch: () => Response.json({ detail: "Not Found" }, { status: 404 }),
    });
    return { stop: () => void server.stop(true) };
  } catch {
    return null;
  }
}

function register(registered: Registered, body: unknown): Response {
  if (!isObject(body)) return Response.json({ detail: "a worker's registration is expected" }, { status: 400 });
  const { engine_id, dp_rank, tp_rank, pp_rank, addr } = body;
  const entry = registered.get(String(dp_rank)) ?? { engine_id: String(engine_id), worker_addr: {} };
  if (entry.engine_id !== engine_id) return Response.json({ detail: "Engine ID mismatch" }, { status: 400 });
  const ranks = entry.worker_addr[String(tp_rank)];
  const pipeline = isObject(ranks) ? ranks : {};
  if (String(pp_rank) in pipeline) return Response.json({ detail: "Worker already registered" }, { status: 400 });
  entry.worker_addr[String(tp_rank)] = { ...pipeline, [String(pp_rank)]: addr ?? null };
  registered.set(String(dp_rank), entry);
  return Response.json({ status: "ok" });
}
