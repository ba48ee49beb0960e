// MooncakeConnector: the decode engine finds the prefill engine through its bootstrap server and asks for a transfer id;
// the prefill engine sends when it has finished by length (kv-protocols.md §5.3).

import type { EngineRequest } from "../engine/request.ts";
import type { JsonObject } from "../json.ts";
import { askPeer, unpackSlots } from "../peer/side_channel.ts";
import { minorOf } from "../versions.ts";
import type { Connector, EngineHost, LoadResult, Lookup } from "./connector.ts";
import { findWorker } from "./mooncake_bootstrap.ts";
import { makeMooncakeSender } from "./mooncake_sender.ts";

export function makeMooncake(host: EngineHost): Connector {
  const sender = makeMooncakeSender(host);
  return {
    start: () => sender.start(),
    arrived() {},
    lookup: (request, localTokens) => lookUp(host, request, localTokens),
    prefilled() {},
    finished: sender.handOver,
    dropped() {},
    state: sender.state,
    stop: sender.stop,
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
  const patience = { answerMs: host.settings.pace.mooncakeAbortMs + 60_000, refusalMs: 0 };
  const reply = await askPeer(address.host, address.port, message, patience);
  return typeof reply?.["slots"] === "string" ? unpackSlots(reply["slots"]) : null;
}
