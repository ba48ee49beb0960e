// OffloadingConnector. Alone it takes part in no handoff. With a secondary tier of type p2p a decode engine fetches the whole
// blocks of a prompt from the prefill engine's host memory, by `kv_request_id` (kv-protocols.md §5.6).

import type { EngineRequest } from "../engine/request.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import { readSlotRun } from "../kv/slot_run.ts";
import { askPeer, listenForPeers, packSlots, type PeerServer, unpackSlots } from "../peer/side_channel.ts";
import { type Connector, type EngineHost, nothingHandedOver, type StartOutcome } from "./connector.ts";
import { makeOwnTier } from "./own_tier.ts";
import { makeWholeBlocks } from "./whole_blocks.ts";

const UNCLAIMED_MS = 60_000;
const PATIENCE = { answerMs: 30_000, refusalMs: 0 };

export function makeOffloading(host: EngineHost): Connector {
  const tiers = host.connector.extra["secondary_tiers"];
  const hasP2p = Array.isArray(tiers) && tiers.some((tier) => isObject(tier) && tier["type"] === "p2p");
  const own = makeOwnTier(host);
  return hasP2p ? withPeers(host, own) : own;
}

function withPeers(host: EngineHost, own: Connector): Connector {
  const offered = new Map<string, Uint32Array>();
  let server: PeerServer | null = null;
  const found = makeWholeBlocks(host, (request, blocks) => {
    const from = request.kvParams?.["remote_prefiller"];
    return isObject(from) ? fetchBlocks(host, request, from, blocks) : null;
  });
  return {
    ...own,
    async start(): Promise<StartOutcome> {
      const started = await own.start();
      if (started.kind !== "ready") return started;
      const { p2pHost, p2pPort } = host.settings.env;
      const port = p2pPort + host.rank;
      const listening = listenForPeers(p2pHost, port, (message) => hand(offered, message));
      if (listening.kind === "refused") {
        return {
          kind: "failed",
          stderr: `zmq.error.ZMQError: Address already in use (addr='tcp://${p2pHost}:${port}')\n`,
        };
      }
      server = listening.server;
      return { kind: "ready" };
    },
    lookup: found.lookup,
    prefilled(request, blockIds) {
      const to = request.kvParams?.["remote_decoder"];
      const id = isObject(to) ? to["kv_request_id"] : undefined;
      if (typeof id !== "string") return;
      const whole = Math.floor(request.promptIds.length / host.pool.blockSize);
      offered.set(id, readSlotRun(host.pool, blockIds.slice(0, whole)) ?? new Uint32Array());
      setTimeout(() => offered.delete(id), UNCLAIMED_MS).unref();
    },
    finished(request) {
      found.forget(request);
      return nothingHandedOver;
    },
    dropped: found.forget,
    state: () => ({ kind: "offloading_p2p", offered: [...offered.keys()] }),
    stop: () => server?.stop(),
  };
}

/** Each is handed out once; what nobody has offered is nothing, and decode computes the prompt. */
function hand(offered: Map<string, Uint32Array>, message: JsonObject): Json {
  const id = String(message["kvRequestId"]);
  const slots = offered.get(id);
  offered.delete(id);
  return slots === undefined ? {} : { slots: packSlots(slots) };
}

async function fetchBlocks(
  host: EngineHost,
  request: EngineRequest,
  from: JsonObject,
  blocks: number,
): Promise<Uint32Array> {
  const message = { kvRequestId: String(from["kv_request_id"]) };
  const reply = await askPeer(String(from["remote_host"]), Number(from["remote_port"]), message, PATIENCE);
  if (typeof reply?.["slots"] === "string") {
    return unpackSlots(reply["slots"]).subarray(0, blocks * host.pool.blockSize);
  }
  host.violations.record("p2p_unclaimed", `nobody offers ${message.kvRequestId}: the prompt is computed`, request.id);
  return new Uint32Array();
}
