// MoRIIOConnector: the prefill engine writes KV into the decode engine, or with `read_mode` the decode engine reads it
// (kv-protocols.md §5.4). Matched by transfer id. A decode engine of it cannot serve a request without params.

import type { EngineRequest } from "../engine/request.ts";
import type { Json, JsonObject } from "../json.ts";
import { Leases } from "../kv/leases.ts";
import { readSlotRun } from "../kv/slot_run.ts";
import { askPeer, packSlots, unpackSlots } from "../peer/side_channel.ts";
import { type Connector, type EngineHost, type LoadResult, type Lookup, nothingHandedOver } from "./connector.ts";
import { makeMoriioListener } from "./moriio_listener.ts";
import { leaseClock } from "./nixl_leases.ts";
import { moveBlocks } from "./transfer_time.ts";

const PATIENCE = { answerMs: 30_000, refusalMs: 0 };

/** A decode engine that waits to be written to. */
interface Registration {
  readonly host: string;
  readonly port: number;
}

interface Moriio {
  readonly host: EngineHost;
  readonly reads: boolean;
  readonly leases: Leases;
  /** By transfer id. */
  readonly registered: Map<string, Registration>;
  readonly awaited: Map<string, (slots: Uint32Array) => void>;
}

export function makeMoriio(host: EngineHost): Connector {
  const reads = ["true", "1"].includes(String(host.connector.extra["read_mode"] ?? "false").toLowerCase());
  const leases = new Leases(leaseClock(host.now), (lease) => host.release(lease.blockIds));
  const own: Moriio = { host, reads, leases, registered: new Map(), awaited: new Map() };
  const listener = makeMoriioListener(host, (message) => hear(own, message));
  return {
    start: () => Promise.resolve(listener.start()),
    arrived() {},
    lookup: (request, localTokens) => lookUp(own, request, localTokens),
    prefilled() {},
    finished(request, blockIds, end) {
      const params = request.kvParams;
      const transferId = params?.["transfer_id"];
      if (params?.["do_remote_decode"] !== true || typeof transferId !== "string") return nothingHandedOver;
      if (end.reason !== "length") {
        host.violations.record("E12", "the prefill leg ended by a stop token: its KV is dropped", request.id);
        return nothingHandedOver;
      }
      if (leases.all().some(({ stem }) => stem === transferId)) {
        host.violations.record("E17", `transfer_id ${transferId} is used twice`, request.id);
      }
      const seconds = Number(host.connector.extra["defer_timeout"] ?? 60);
      leases.open({ requestId: request.id, blockIds, stem: transferId }, seconds * 1000);
      void write(own, transferId);
      return { keepsBlocks: true, params: reads ? handoffObject(host, blockIds, transferId) : null };
    },
    dropped() {},
    state: () => ({
      kind: reads ? "moriio_read" : "moriio_write",
      leases: leases.all().map((lease): Json => ({ ...lease, blockIds: [...lease.blockIds] })),
      registered: [...own.registered.keys()],
      awaited: [...own.awaited.keys()],
    }),
    stop() {
      leases.stop();
      listener.stop();
    },
  };
}

/** All but the last prompt token come from the other engine. */
function lookUp(own: Moriio, request: EngineRequest, localTokens: number): Lookup {
  const { host, reads } = own;
  const params = request.kvParams;
  const tokens = request.promptIds.length - 1 - localTokens;
  if (host.connector.role === "kv_producer" && params?.["do_remote_prefill"] !== true || tokens <= 0) {
    return { kind: "none" };
  }
  const load = async (): Promise<LoadResult> => {
    if (params?.["do_remote_prefill"] !== true) return await serveWithoutParams(own, request, tokens);
    const slots = reads ? await read(own, params, localTokens) : await receive(own, params, localTokens);
    if (slots === null) return { kind: "failed" };
    await moveBlocks(host, Math.ceil(tokens / host.pool.blockSize), host.pool.blockSize);
    return { kind: "loaded", slots: slots.slice(0, tokens) };
  };
  return { kind: "load", tier: "p2p", tokens, load };
}

/** Reading, it takes empty blocks for loaded ones; waiting to be written to, it waits for ever. */
function serveWithoutParams({ host, reads }: Moriio, request: EngineRequest, tokens: number): Promise<LoadResult> {
  host.violations.record("E14", "a request without kv_transfer_params on a MoRIIO decode engine", request.id);
  return reads ? Promise.resolve({ kind: "loaded", slots: new Uint32Array(tokens) }) : new Promise(() => {});
}

async function read({ host }: Moriio, params: JsonObject, localTokens: number): Promise<Uint32Array | null> {
  const peer = String(params["remote_host"]);
  const message = { kind: "read", blockIds: params["remote_block_ids"] ?? null, engineId: params["remote_engine_id"]! };
  const reply = await askPeer(peer, Number(params["remote_handshake_port"]), message, PATIENCE);
  if (typeof reply?.["slots"] !== "string") {
    host.violations.record("unknown_peer", `no KV of ${params["remote_engine_id"]} at ${peer}`, null);
    return null;
  }
  const done = { kind: "done", transferId: String(params["transfer_id"]) };
  void askPeer(peer, Number(params["remote_notify_port"]), done, PATIENCE);
  return unpackSlots(reply["slots"]).subarray(localTokens);
}

/** Tells the prefill engine where to write, and waits; for ever when that one never finishes the prompt. */
async function receive({ host, awaited }: Moriio, params: JsonObject, localTokens: number): Promise<Uint32Array> {
  const transferId = String(params["transfer_id"]);
  const written = new Promise<Uint32Array>((resolve) => awaited.set(transferId, resolve));
  const { extra } = host.connector;
  const here = { host: String(extra["host_ip"] ?? host.settings.env.hostIp), port: Number(extra["notify_port"]) };
  const message = { kind: "register", transferId, ...here };
  await askPeer(String(params["remote_host"]), Number(params["remote_notify_port"]), message, PATIENCE);
  return (await written).subarray(localTokens);
}

function hear(own: Moriio, message: JsonObject): Json {
  const { host, leases, registered, awaited } = own;
  const transferId = String(message["transferId"]);
  switch (message["kind"]) {
    case "register":
      registered.set(transferId, {
        host: String(message["host"]),
        port: Number(message["port"]),
      });
      void write(own, transferId);
      return {};
    case "write":
      awaited.get(transferId)?.(unpackSlots(String(message["slots"])));
      awaited.delete(transferId);
      return {};
    case "done": {
      const lease = leases.all().find(({ stem }) => stem === transferId);
      if (lease) host.release(leases.close(lease.requestId)?.blockIds ?? []);
      return {};
    }
    case "read":
      return answerRead(host, message);
    default:
      return {};
  }
}

function answerRead(host: EngineHost, message: JsonObject): Json {
  const ids = message["blockIds"];
  if (message["engineId"] !== engineIdOf(host) || !Array.isArray(ids)) return {};
  const run = readSlotRun(host.pool, ids.map(Number));
  return run ? { slots: packSlots(run) } : {};
}

/** Once the prompt is finished and the decode engine has told where to. */
async function write({ host, leases, registered }: Moriio, transferId: string): Promise<void> {
  const to = registered.get(transferId);
  const lease = leases.all().find(({ stem }) => stem === transferId);
  if (!to || !lease) return;
  registered.delete(transferId);
  leases.close(lease.requestId);
  const slots = packSlots(readSlotRun(host.pool, lease.blockIds) ?? new Uint32Array());
  await askPeer(to.host, to.port, { kind: "write", transferId, slots }, PATIENCE);
  host.release(lease.blockIds);
}

/** Its block ids are a flat list, unlike NIXL's. */
function handoffObject(host: EngineHost, blockIds: readonly number[], transferId: string): JsonObject {
  const { connector: { extra }, settings: { env, parallel }, rank } = host;
  return {
    do_remote_prefill: true,
    do_remote_decode: false,
    remote_block_ids: [...blockIds],
    remote_engine_id: engineIdOf(host),
    remote_host: String(extra["host_ip"] ?? env.hostIp),
    remote_handshake_port: Number(extra["handshake_port"]),
    remote_notify_port: Number(extra["notify_port"]),
    remote_dp_rank: rank,
    remote_dp_rank_override: true,
    remote_dp_size: parallel.dp,
    remote_dp_size_local: parallel.dp,
    tp_size: parallel.tp,
    transfer_id: transferId,
  };
}

/** `<host_ip>:<handshake_port>`, whatever `engine_id` says. */
function engineIdOf({ connector: { extra }, settings: { env } }: EngineHost): string {
  return `${extra["host_ip"] ?? env.hostIp}:${extra["handshake_port"]}`;
}
