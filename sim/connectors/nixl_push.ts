// NixlPushConnector: the decode engine registers, the prefill engine writes when it has finished (kv-protocols.md §4.5).
// Both legs are matched by the internal request id without its random suffix, so by route and X-Request-Id.

import type { EngineRequest } from "../engine/request.ts";
import type { Json, JsonObject } from "../json.ts";
import { readSlotRun } from "../kv/slot_run.ts";
import { askPeer, packSlots, unpackSlots } from "../peer/side_channel.ts";
import type { Connector, EngineHost, LoadResult } from "./connector.ts";
import { KNOWN_PEER, makeHandshakes, type NixlHandshakes, type NixlPeer } from "./nixl_handshakes.ts";
import { makeNixlLeases, type NixlLeases } from "./nixl_leases.ts";
import { makeNixlListener } from "./nixl_listener.ts";
import { moveByNixl } from "./transfer_time.ts";

const REQUIRED = ["remote_engine_id", "remote_host", "remote_port", "tp_size", "remote_request_id"];

/** What a decode engine has told: where to write, and how much it lacks. */
interface Registration {
  readonly host: string;
  readonly port: number;
  readonly tokens: number;
}

export function makeNixlPush(host: EngineHost): Connector {
  const registered = new Map<string, Registration>();
  const awaited = new Map<string, (slots: Uint32Array) => void>();
  const listener = makeNixlListener(host, "push", (message) => hear(host, producer, registered, awaited, message));
  const producer = makeNixlLeases(host, "push", listener.port);
  const handshakes = makeHandshakes(host, "push");
  return {
    start: () => Promise.resolve(listener.start()),
    arrived() {},
    lookup(request, localTokens) {
      const params = request.kvParams;
      if (params?.["do_remote_prefill"] !== true) return { kind: "none" };
      const missing = REQUIRED.find((name) => !(name in params));
      if (missing !== undefined) {
        host.violations.record("E9", `kv_transfer_params lack ${missing}`, request.id);
        return { kind: "death", error: `KeyError: '${missing}'` };
      }
      const tokens = request.promptIds.length - localTokens;
      const load = () => register(host, handshakes, listener.port, awaited, request, params, tokens);
      return { kind: "load", tier: "p2p", tokens, load };
    },
    prefilled() {},
    finished(request, blockIds, end) {
      const handover = producer.handOver(request, blockIds, end);
      const registration = registered.get(request.stem);
      if (handover.keepsBlocks && registration) void write(host, producer, registered, request.stem, registration);
      return handover;
    },
    dropped() {},
    state: () => ({
      kind: "nixl_push",
      leases: producer.leases.all().map((lease): Json => ({ ...lease, blockIds: [...lease.blockIds] })),
      registered: [...registered.keys()],
      awaited: [...awaited.keys()],
    }),
    stop() {
      producer.leases.stop();
      listener.stop();
    },
  };
}

/** Resolves when the prefill engine has written; never, if nothing there matches. */
async function register(
  host: EngineHost,
  handshakes: NixlHandshakes,
  ownPort: number,
  awaited: Map<string, (slots: Uint32Array) => void>,
  request: EngineRequest,
  params: JsonObject,
  tokens: number,
): Promise<LoadResult> {
  const peer: NixlPeer = {
    engineId: String(params["remote_engine_id"]),
    host: String(params["remote_host"]),
    port: Number(params["remote_port"]),
    tp: Number(params["tp_size"]),
  };
  if (!await handshakes.meet(peer, request.id)) return { kind: "failed" };
  if (host.settings.faults.failTransfers > 0) {
    host.settings.faults.failTransfers -= 1;
    host.metrics.add("nixl_num_failed_transfers");
    return { kind: "failed" };
  }
  const written = new Promise<Uint32Array>((resolve) => awaited.set(request.stem, resolve));
  const message = { kind: "register", stem: request.stem, host: host.settings.env.nixlHost, port: ownPort, tokens };
  const heard = await askPeer(peer.host, peer.port, message, KNOWN_PEER);
  if (!heard) {
    host.log.plain("genNotif: backend 'UCX' returned error status NIXL_ERR_REMOTE_DISCONNECT\n");
    host.violations.record("push_peer_gone", `nobody hears the registration at port ${peer.port}`, request.id);
  }
  return { kind: "loaded", slots: await written };
}

function hear(
  host: EngineHost,
  producer: NixlLeases,
  registered: Map<string, Registration>,
  awaited: Map<string, (slots: Uint32Array) => void>,
  message: JsonObject,
): Json {
  const stem = String(message["stem"]);
  if (message["kind"] === "write") {
    const resolve = awaited.get(stem);
    if (!resolve) return { taken: false };
    awaited.delete(stem);
    resolve(unpackSlots(String(message["slots"])));
    return { taken: true };
  }
  if (message["kind"] !== "register") return {};
  const registration = {
    host: String(message["host"]),
    port: Number(message["port"]),
    tokens: Number(message["tokens"]),
  };
  registered.set(stem, registration);
  if (leaseOf(producer, stem)) void write(host, producer, registered, stem, registration);
  return {};
}

/** Writes the last blocks of a finished prompt into the decode engine, then frees them. */
async function write(
  host: EngineHost,
  producer: NixlLeases,
  registered: Map<string, Registration>,
  stem: string,
  { host: peerHost, port, tokens }: Registration,
): Promise<void> {
  const lease = leaseOf(producer, stem);
  if (!lease) return;
  registered.delete(stem);
  const { blockSize } = host.pool;
  const blockIds = lease.blockIds.slice(-Math.ceil(tokens / blockSize));
  const run = readSlotRun(host.pool, blockIds) ?? new Uint32Array();
  await moveByNixl(host, blockIds.length, blockSize, host.settings.parallel.tp);
  const message = { kind: "write", stem, slots: packSlots(run.subarray(0, tokens)) };
  await askPeer(peerHost, port, message, KNOWN_PEER);
  producer.taken(lease.requestId);
}

function leaseOf(producer: NixlLeases, stem: string) {
  return producer.leases.all().find((lease) => lease.stem === stem) ?? null;
}
