// LMCache's PD mode: the prefill engine writes a prompt's whole blocks into the decode engine's LMCache, then tells the
// router over ZeroMQ; its HTTP answer does not wait for that (kv-protocols.md §5.8).

import type { EngineRequest } from "../engine/request.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import { blockName, rootName } from "../kv/content.ts";
import { readSlotRun } from "../kv/slot_run.ts";
import { askPeer, listenForPeers, packSlots, type PeerServer, unpackSlots } from "../peer/side_channel.ts";
import { pushMessage } from "../peer/zmq_push.ts";
import { type Connector, type EngineHost, nothingHandedOver, type StartOutcome } from "./connector.ts";
import { moveBlocks } from "./transfer_time.ts";

const PATIENCE = { answerMs: 30_000, refusalMs: 0 };

export function makeLmcachePd(host: EngineHost): Connector {
  /** What others have written here, by the name of its last block; taken out when it is read. */
  const received = new Map<number, Uint32Array>();
  const servers: PeerServer[] = [];
  const isSender = host.connector.extra["lmcache.pd_role"] === "sender";
  return {
    start: () => Promise.resolve(isSender ? { kind: "ready" } : receive(host, servers, received)),
    arrived() {},
    lookup(request, localTokens) {
      const blocks = Math.floor((request.promptIds.length - 1) / host.pool.blockSize);
      const name = nameOf(host, request, blocks);
      const slots = received.get(name);
      const tokens = blocks * host.pool.blockSize - localTokens;
      if (slots === undefined || tokens <= 0) return { kind: "none" };
      received.delete(name);
      const wanted = slots.slice(localTokens, localTokens + tokens);
      const load = () => Promise.resolve({ kind: "loaded", slots: wanted } as const);
      return { kind: "load", tier: "external_unspecified", tokens, load };
    },
    prefilled(request, blockIds) {
      const spec = request.kvParams?.["disagg_spec"];
      if (isSender && isObject(spec)) void send(host, request, blockIds, spec);
    },
    finished: () => nothingHandedOver,
    dropped() {},
    state: () => ({ kind: "lmcache_pd", received: received.size }),
    stop: () => servers.forEach((server) => server.stop()),
  };
}

/** One pair of ports for each TP rank. */
function receive(host: EngineHost, servers: PeerServer[], received: Map<number, Uint32Array>): StartOutcome {
  const { extra } = host.connector;
  const at = String(extra["lmcache.pd_peer_host"]);
  const take = (message: JsonObject): Json => {
    received.set(Number(message["name"]), unpackSlots(String(message["slots"])));
    return {};
  };
  for (const port of [extra["lmcache.pd_peer_init_port"], extra["lmcache.pd_peer_alloc_port"]].flat().map(Number)) {
    const listening = listenForPeers(at, port, take);
    if (listening.kind === "refused") {
      return { kind: "failed", stderr: `zmq.error.ZMQError: Address already in use (addr='tcp://${at}:${port}')\n` };
    }
    servers.push(listening.server);
  }
  return { kind: "ready" };
}

async function send(
  host: EngineHost,
  request: EngineRequest,
  blockIds: readonly number[],
  spec: JsonObject,
): Promise<void> {
  const blocks = Math.floor((request.promptIds.length - 1) / host.pool.blockSize);
  const slots = packSlots(readSlotRun(host.pool, blockIds.slice(0, blocks)) ?? new Uint32Array());
  await moveBlocks(host, blocks, host.pool.blockSize);
  const port = [spec["receiver_init_port"] ?? null].flat()[0];
  const message = { name: nameOf(host, request, blocks), slots };
  const heard = blocks === 0 || await askPeer(String(spec["receiver_host"]), Number(port), message, PATIENCE);
  if (!heard) host.violations.record("unknown_peer", `no LMCache receives at port ${port}`, request.id);
  const { extra } = host.connector;
  const word = proxyNotif(String(spec["req_id"]));
  if (heard) await pushMessage(String(extra["lmcache.pd_proxy_host"]), Number(extra["lmcache.pd_proxy_port"]), word);
}

/** MessagePack of `{"type": "ProxyNotif", "req_id": id}`, as msgspec writes a tagged struct. */
function proxyNotif(id: string): Uint8Array {
  const text = (value: string) => {
    const bytes = Buffer.from(value);
    return Buffer.concat([Uint8Array.from(bytes.length < 32 ? [0xa0 + bytes.length] : [0xd9, bytes.length]), bytes]);
  };
  return Buffer.concat([Uint8Array.of(0x82), ...["type", "ProxyNotif", "req_id", id].map(text)]);
}

function nameOf({ pool }: EngineHost, { promptIds, cacheSalt }: EngineRequest, blocks: number): number {
  return blockName(rootName(cacheSalt), promptIds, 0, blocks * pool.blockSize);
}
