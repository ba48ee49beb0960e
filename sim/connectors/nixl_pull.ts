// NixlConnector, NixlPullConnector: the decode engine reads the prefill engine's blocks (kv-protocols.md §4.2, §4.3).

import type { EngineRequest } from "../engine/request.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import { readSlotRun } from "../kv/slot_run.ts";
import { askPeer, packSlots, unpackSlots } from "../peer/side_channel.ts";
import { type Connector, type EngineHost, type LoadResult, type Lookup } from "./connector.ts";
import { KNOWN_PEER, logFailure, makeHandshakes, type NixlHandshakes, type NixlPeer } from "./nixl_handshakes.ts";
import { makeHeartbeats } from "./nixl_heartbeats.ts";
import { makeNixlLeases } from "./nixl_leases.ts";
import { lookUpTurn } from "./nixl_turns.ts";
import { makeNixlListener } from "./nixl_listener.ts";
import { moveByNixl } from "./transfer_time.ts";

export function makeNixlPull(host: EngineHost): Connector {
  const listener = makeNixlListener(host, "pull", (message) => answerPeer(host, producer, message));
  const producer = makeNixlLeases(host, "pull", listener.port);
  const handshakes = makeHandshakes(host, "pull");
  const heartbeats = makeHeartbeats(host);
  return {
    start: () => Promise.resolve(listener.start()),
    arrived: (request) => heartbeats.follow(request),
    lookup(request, localTokens) {
      const params = request.kvParams;
      const turn = params && lookUpTurn(host, request, params, localTokens, {
        read: (tokens) => pull(host, handshakes, request, params, localTokens, tokens),
        decline: () => void tellDone(params),
      });
      if (turn) return turn;
      if (params?.["do_remote_prefill"] !== true) return { kind: "none" };
      return lookUpRemote(host, request, params, localTokens, async () => {
        const result = await pull(host, handshakes, request, params, localTokens, lacking(request, localTokens));
        heartbeats.forget(request.id);
        return result;
      });
    },
    prefilled() {},
    finished: producer.handOver,
    dropped: (request) => heartbeats.forget(request.id),
    state: () => ({
      kind: "nixl_pull",
      leases: producer.leases.all().map((lease): Json => ({ ...lease, blockIds: [...lease.blockIds] })),
    }),
    stop() {
      heartbeats.stop();
      producer.leases.stop();
      listener.stop();
    },
  };
}

function lookUpRemote(
  host: EngineHost,
  request: EngineRequest,
  params: JsonObject,
  localTokens: number,
  load: () => Promise<LoadResult>,
): Lookup {
  const tokens = lacking(request, localTokens);
  if (remoteBlocks(params).length === 0) {
    host.violations.record("E1", "do_remote_prefill without remote_block_ids", request.id);
    return { kind: "death", error: "    assert num_external_tokens == 0\nAssertionError" };
  }
  const missing = ["remote_engine_id", "remote_request_id", "remote_host", "remote_port"]
    .filter((name) => !(name in params));
  if (missing.length === 0) return { kind: "load", tier: "p2p", tokens, load };
  const waitForEver = () => {
    host.violations.record("E2", `kv_transfer_params lack ${missing.join(", ")}`, request.id);
    const text = `Got invalid KVTransferParams: ${JSON.stringify(params)}`;
    host.log.line("EngineCore", "WARNING", "pull_scheduler.py:180", text);
    return new Promise<LoadResult>(() => {});
  };
  return { kind: "load", tier: "p2p", tokens, load: waitForEver };
}

function lacking(request: EngineRequest, localTokens: number): number {
  return request.promptIds.length - localTokens;
}

/** `tokens` behind the local ones, which stand at the end of the blocks that are named. */
async function pull(
  host: EngineHost,
  handshakes: NixlHandshakes,
  request: EngineRequest,
  params: JsonObject,
  localTokens: number,
  tokens: number,
): Promise<LoadResult> {
  const peer: NixlPeer = {
    engineId: String(params["remote_engine_id"]),
    host: String(params["remote_host"]),
    port: Number(params["remote_port"]),
    tp: Number(params["tp_size"] ?? 1),
  };
  const theirs = await handshakes.meet(peer, request.id);
  if (!theirs) return { kind: "failed" };
  const theirBlockSize = Number(theirs["blockSize"]);
  const remote = remoteBlocks(params).slice(0, Math.ceil((localTokens + tokens) / theirBlockSize));
  const wanted = Math.ceil(tokens / theirBlockSize);
  const { blockSize } = host.settings;
  const localBlocks = Math.ceil(request.promptIds.length / blockSize);
  if (wanted > remote.length || localBlocks * blockSize / theirBlockSize < wanted) {
    host.violations.record("E3", `the prompt needs ${wanted} blocks, the handoff has ${remote.length}`, request.id);
    return { kind: "death", error: "    assert num_decode_blocks <= len(prefill_group)\nAssertionError" };
  }
  const turn: JsonObject = params["do_remote_decode"] === true ? { turnOf: String(params["remote_request_id"]) } : {};
  const read = await readRemote(host, peer, remote.slice(-wanted), turn);
  if (!read) {
    logFailure(host, "transfer_failed", "base_worker.py:1354", peer, request.id, "nixlRemoteDisconnectError");
    host.metrics.add("nixl_num_failed_transfers");
    return { kind: "failed" };
  }
  // One transfer for every rank of the side that has more of them.
  const transfers = Math.max(host.settings.parallel.tp, Number(theirs["tp"]));
  await moveByNixl(host, wanted, theirBlockSize, transfers);
  void tellDone(params);
  return { kind: "loaded", slots: read.subarray(0, tokens) };
}

function tellDone({ remote_host, remote_port, remote_request_id }: JsonObject): Promise<unknown> {
  const done = { kind: "done", requestId: String(remote_request_id) };
  return askPeer(String(remote_host), Number(remote_port), done, KNOWN_PEER);
}

/** A peer that was met before and is gone fails at once, unlike a first handshake. */
async function readRemote(
  host: EngineHost,
  peer: NixlPeer,
  blockIds: readonly Json[],
  turn: JsonObject,
): Promise<Uint32Array | null> {
  if (host.settings.faults.failTransfers > 0) {
    host.settings.faults.failTransfers -= 1;
    return null;
  }
  const message = { kind: "read", blockIds: [...blockIds], engineId: peer.engineId, ...turn };
  const reply = await askPeer(peer.host, peer.port, message, KNOWN_PEER);
  return typeof reply?.["slots"] === "string" ? unpackSlots(reply["slots"]) : null;
}

function answerPeer(
  host: EngineHost,
  producer: ReturnType<typeof makeNixlLeases>,
  message: JsonObject,
): Json {
  const ids = message["requestIds"];
  if (message["kind"] === "heartbeat" && Array.isArray(ids)) producer.heartbeat(ids.map(String));
  if (message["kind"] === "done") producer.taken(String(message["requestId"]));
  // A turn's time is looked at, a handoff's is not.
  const isOver = "turnOf" in message && producer.leases.get(String(message["turnOf"])) === null;
  if (message["kind"] === "read") return isOver ? {} : readBlocks(host, message);
  return {};
}

/** Blocks as they are, leased or not: a remote read asks nobody. */
function readBlocks(host: EngineHost, message: JsonObject): Json {
  const ids = message["blockIds"];
  if (message["engineId"] !== host.engineId || !Array.isArray(ids)) return {};
  const run = readSlotRun(host.pool, ids.map(Number));
  return run ? { slots: packSlots(run) } : {};
}

/** Nested by KV-cache group since March 2026, flat before; both are read. */
function remoteBlocks(params: JsonObject): readonly Json[] {
  const ids = params["remote_block_ids"];
  if (!Array.isArray(ids)) return [];
  return isNested(ids) ? ids[0] ?? [] : ids;
}

function isNested(ids: Json[]): ids is Json[][] {
  return Array.isArray(ids[0]) && !isObject(ids[0]);
}
