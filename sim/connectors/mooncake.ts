// MooncakeConnector: the decode engine finds the prefill engine through its bootstrap server and asks for a transfer id;
// the prefill engine sends when it has finished by length (kv-protocols.md §5.3).

import type { EngineRequest } from "../engine/request.ts";
import type { Json, JsonObject } from "../json.ts";
import { Leases } from "../kv/leases.ts";
import { readSlotRun } from "../kv/slot_run.ts";
import { askPeer, listenForPeers, packSlots, type PeerServer, unpackSlots } from "../peer/side_channel.ts";
import { minorOf } from "../versions.ts";
import type { Connector, EngineHost, LoadResult, Lookup, StartOutcome } from "./connector.ts";
import { nothingHandedOver } from "./connector.ts";
import { type Bootstrap, findWorker, startBootstrap } from "./mooncake_bootstrap.ts";
import { leaseClock } from "./nixl_leases.ts";
import { moveBlocks } from "./transfer_time.ts";

interface Waiting {
  readonly tokens: number;
  answer(reply: JsonObject): void;
}

export function makeMooncake(host: EngineHost): Connector {
  const waiting = new Map<string, Waiting>();
  const leases = new Leases(leaseClock(host.now), (lease) => host.release(lease.blockIds));
  const { role } = host.connector;
  let worker: PeerServer | null = null;
  let bootstrap: Bootstrap | null = null;
  const send = async (transferId: string) => {
    const wanted = waiting.get(transferId);
    const lease = leases.all().find(({ stem }) => stem === transferId);
    if (!wanted || !lease) return;
    waiting.delete(transferId);
    leases.close(lease.requestId);
    const blockIds = lease.blockIds.slice(-Math.ceil(wanted.tokens / host.pool.blockSize));
    const run = readSlotRun(host.pool, blockIds) ?? new Uint32Array();
    await moveBlocks(host, blockIds.length, host.pool.blockSize);
    wanted.answer({ slots: packSlots(run.subarray(0, wanted.tokens)) });
    host.release(lease.blockIds);
  };
  const hear = (message: JsonObject) =>
    new Promise<Json>((answer) => {
      const transferId = String(message["transferId"]);
      waiting.set(transferId, { tokens: Number(message["tokens"]), answer });
      void send(transferId);
    });
  return {
    async start(): Promise<StartOutcome> {
      if (role === "kv_consumer") return { kind: "ready" };
      const listening = listenForPeers(host.settings.env.hostIp, 0, hear);
      if (listening.kind === "refused") {
        return { kind: "failed", stderr: "zmq.error.ZMQError: Address already in use\n" };
      }
      worker = listening.server;
      const started = await startBootstrap(host, worker.port);
      if ("kind" in started) return started;
      bootstrap = started;
      return { kind: "ready" };
    },
    arrived() {},
    lookup: (request, localTokens) => lookUp(host, request, localTokens),
    prefilled() {},
    finished(request, blockIds, end) {
      const params = request.kvParams;
      if (params?.["do_remote_decode"] !== true) return nothingHandedOver;
      const transferId = params["transfer_id"];
      if (typeof transferId !== "string") {
        host.violations.record("no_transfer_id", "do_remote_decode without transfer_id", request.id);
        host.log.line(
          "EngineCore",
          "WARNING",
          "mooncake_connector.py:300",
          "Missing transfer_id in kv_transfer_params",
        );
        return nothingHandedOver;
      }
      if (end.reason !== "length") {
        host.violations.record("E12", "the prefill leg ended by a stop token: its KV is dropped", request.id);
        return nothingHandedOver;
      }
      if (leases.all().some(({ stem }) => stem === transferId)) {
        host.violations.record("E17", `transfer_id ${transferId} is used twice`, request.id);
      }
      leases.open({ requestId: request.id, blockIds, stem: transferId }, host.settings.pace.mooncakeAbortMs);
      void send(transferId);
      return { keepsBlocks: true, params: null };
    },
    dropped() {},
    state: () => ({
      kind: "mooncake",
      leases: leases.all().map((lease): Json => ({ ...lease, blockIds: [...lease.blockIds] })),
      waiting: [...waiting.keys()],
    }),
    stop() {
      leases.stop();
      worker?.stop();
      bootstrap?.stop();
    },
  };
}

function lookUp(host: EngineHost, request: EngineRequest, localTokens: number): Lookup {
  const params = request.kvParams;
  const { role } = host.connector;
  const wrongRole = params?.["do_remote_prefill"] === true && role === "kv_producer" ||
    params?.["do_remote_decode"] === true && role === "kv_consumer";
  if (wrongRole) {
    host.violations.record("E11", `this engine is a ${role}`, request.id);
    return { kind: "death", error: `AssertionError: kv_transfer_params do not fit ${role}` };
  }
  if (params?.["do_remote_prefill"] !== true) return { kind: "none" };
  const tokens = request.promptIds.length - localTokens;
  const missing = ["remote_bootstrap_addr", "remote_engine_id", "transfer_id"].filter((name) => !(name in params));
  if (missing.length === 0) {
    return { kind: "load", tier: "p2p", tokens, load: () => receive(host, request, params, tokens) };
  }
  const waitForEver = () => {
    host.violations.record("E2", `kv_transfer_params lack ${missing.join(", ")}`, request.id);
    host.log.line("EngineCore", "WARNING", "mooncake_connector.py:250", "Got invalid KVTransferParams");
    return new Promise<LoadResult>(() => {});
  };
  return { kind: "load", tier: "p2p", tokens, load: waitForEver };
}

/** Before #50984 a failed receive was never reported: the request waits for ever. */
async function receive(
  host: EngineHost,
  request: EngineRequest,
  params: JsonObject,
  tokens: number,
): Promise<LoadResult> {
  const slots = await fetchSlots(host, request, params, tokens);
  if (slots) return { kind: "loaded", slots };
  const legacy = host.settings.faults.mooncakeLegacy || minorOf(host.settings.vllmVersion) < 29;
  host.log.line("Worker", "ERROR", "mooncake_connector.py:800", `Mooncake receive failed for request ${request.id}`);
  return legacy ? await new Promise(() => {}) : { kind: "failed" };
}

async function fetchSlots(
  host: EngineHost,
  request: EngineRequest,
  params: JsonObject,
  tokens: number,
): Promise<Uint32Array | null> {
  if (host.settings.faults.failTransfers > 0) {
    host.settings.faults.failTransfers -= 1;
    return null;
  }
  const engineId = String(params["remote_engine_id"]);
  const address = await findWorker(String(params["remote_bootstrap_addr"]), engineId);
  if (!address) {
    host.violations.record("unknown_peer", `no worker of engine ${engineId} at the bootstrap server`, request.id);
    return null;
  }
  const message = { transferId: String(params["transfer_id"]), tokens };
  const limitMs = host.settings.pace.mooncakeAbortMs + 60_000;
  const reply = await askPeer(address.host, address.port, message, limitMs, "at once");
  return typeof reply?.["slots"] === "string" ? unpackSlots(reply["slots"]) : null;
}
