// The prefill side of Mooncake: finished prompts wait under their transfer id for whoever asks, or until time is up.

import type { EngineRequest } from "../engine/request.ts";
import type { Json, JsonObject } from "../json.ts";
import { Leases } from "../kv/leases.ts";
import { readSlotRun } from "../kv/slot_run.ts";
import { listenForPeers, packSlots, type PeerServer } from "../peer/side_channel.ts";
import { type EngineHost, type Handover, nothingHandedOver, type RequestEnd, type StartOutcome } from "./connector.ts";
import { type Bootstrap, startBootstrap } from "./mooncake_bootstrap.ts";
import { leaseClock } from "./nixl_leases.ts";
import { moveBlocks } from "./transfer_time.ts";

export interface MooncakeSender {
  start(): Promise<StartOutcome>;
  handOver(request: EngineRequest, blockIds: readonly number[], end: RequestEnd): Handover;
  state(): JsonObject;
  stop(): void;
}

/** A decode engine that has asked before the prompt was finished, or after. */
interface Asking {
  readonly tokens: number;
  answer(reply: JsonObject): void;
}

export function makeMooncakeSender(host: EngineHost): MooncakeSender {
  const asking = new Map<string, Asking>();
  const leases = new Leases(leaseClock(host.now), (lease) => host.release(lease.blockIds));
  const running: (PeerServer | Bootstrap)[] = [];
  const hear = (message: JsonObject) =>
    new Promise<Json>((answer) => {
      const transferId = String(message["transferId"]);
      asking.set(transferId, { tokens: Number(message["tokens"]), answer });
      void send(host, leases, asking, transferId);
    });
  return {
    async start() {
      if (host.connector.role === "kv_consumer") return { kind: "ready" };
      const listening = listenForPeers(host.settings.env.hostIp, 0, hear);
      if (listening.kind === "refused") {
        return { kind: "failed", stderr: "zmq.error.ZMQError: Address already in use\n" };
      }
      const bootstrap = await startBootstrap(host, listening.server.port);
      running.push(listening.server);
      if ("kind" in bootstrap) return bootstrap;
      running.push(bootstrap);
      return { kind: "ready" };
    },
    handOver(request, blockIds, end) {
      const transferId = transferIdOf(host, leases, request, end);
      if (transferId === null) return nothingHandedOver;
      leases.open({ requestId: request.id, blockIds, stem: transferId }, host.settings.pace.mooncakeAbortMs);
      void send(host, leases, asking, transferId);
      return { keepsBlocks: true, params: null };
    },
    state: () => ({
      kind: "mooncake",
      leases: leases.all().map((lease): Json => ({ ...lease, blockIds: [...lease.blockIds] })),
      asking: [...asking.keys()],
    }),
    stop() {
      leases.stop();
      for (const server of running) server.stop();
    },
  };
}

/** Null when the KV is not to be kept; only a prompt that ended by length is. */
function transferIdOf(host: EngineHost, leases: Leases, request: EngineRequest, end: RequestEnd): string | null {
  if (request.kvParams?.["do_remote_decode"] !== true) return null;
  const transferId = request.kvParams["transfer_id"];
  if (typeof transferId !== "string") {
    host.violations.record("no_transfer_id", "do_remote_decode without transfer_id", request.id);
    host.log.line("EngineCore", "WARNING", "mooncake_connector.py:300", "Missing transfer_id in kv_transfer_params");
    return null;
  }
  if (end.reason !== "length") {
    host.violations.record("E12", "the prefill leg ended by a stop token: its KV is dropped", request.id);
    return null;
  }
  if (leases.all().some(({ stem }) => stem === transferId)) {
    host.violations.record("E17", `transfer_id ${transferId} is used twice`, request.id);
  }
  return transferId;
}

/** Sends once both have come: the finished prompt and the one who asks. */
async function send(
  host: EngineHost,
  leases: Leases,
  asking: Map<string, Asking>,
  transferId: string,
): Promise<void> {
  const wanted = asking.get(transferId);
  const lease = leases.all().find(({ stem }) => stem === transferId);
  if (!wanted || !lease) return;
  asking.delete(transferId);
  leases.close(lease.requestId);
  const blockIds = lease.blockIds.slice(-Math.ceil(wanted.tokens / host.pool.blockSize));
  const run = readSlotRun(host.pool, blockIds) ?? new Uint32Array();
  await moveBlocks(host, blockIds.length, host.pool.blockSize);
  wanted.answer({ slots: packSlots(run.subarray(0, wanted.tokens)) });
  host.release(lease.blockIds);
}
