// The producer's side of NIXL: blocks pinned under a lease, the handoff object, heartbeats, expiry.

import { type Lease, Leases } from "../kv/leases.ts";
import type { EngineRequest } from "../engine/request.ts";
import type { JsonObject } from "../json.ts";
import { defaultLeaseMs, handoffShape } from "../versions.ts";
import { type EngineHost, type Handover, nothingHandedOver, type RequestEnd } from "./connector.ts";
import type { TransferMode } from "./compatibility.ts";
import { asTurn, turnDurationMs } from "./nixl_turns.ts";

export interface NixlLeases {
  readonly leases: Leases;
  /** Pins the blocks of a finished `do_remote_decode` request and writes the handoff object. */
  handOver(request: EngineRequest, blockIds: readonly number[], end: RequestEnd): Handover;
  heartbeat(requestIds: readonly string[]): void;
  /** The reader has the blocks. False, with a complaint, when nothing is known of the request. */
  taken(requestId: string): boolean;
}

export function makeNixlLeases(host: EngineHost, mode: TransferMode, port: number): NixlLeases {
  const leaseMs = leaseDurationMs(host);
  const leases = new Leases(leaseClock(host.now), (lease) => expire(host, lease, leaseMs));
  return {
    leases,
    handOver(request, blockIds, end) {
      if (request.kvParams === null || blockIds.length === 0) return nothingHandedOver;
      const isPrefill = request.kvParams["do_remote_decode"] === true;
      const turnMs = isPrefill || mode === "push" ? null : turnDurationMs(host);
      if (!isPrefill && turnMs === null) return nothingHandedOver;
      leases.open({ requestId: request.id, blockIds, stem: request.stem }, turnMs ?? leaseMs);
      const params = handoffObject(host, mode, port, request, blockIds, end);
      return { keepsBlocks: true, params: turnMs === null ? params : asTurn(params, (host.now() + turnMs) / 1000) };
    },
    heartbeat(requestIds) {
      for (const id of requestIds) leases.extend(id, leaseMs * 2 / 3);
    },
    taken(requestId) {
      const lease = leases.close(requestId);
      if (lease) {
        host.release(lease.blockIds);
        return true;
      }
      host.metrics.add("nixl_num_notifications_after_expiry");
      host.log.line(
        "Worker",
        "ERROR",
        "pull_worker.py:300",
        `Potentially invalid KV blocks for unrecognized request ${requestId} were retrieved by a decode worker. ` +
          "They may have expired.",
      );
      host.violations.record("expired_read", "KV blocks were read that are not leased (any more)", requestId);
      return false;
    },
  };
}

export function leaseDurationMs(host: EngineHost): number {
  const given = Number(host.connector.extra["kv_lease_duration"]);
  return given > 0 ? given * 1000 : defaultLeaseMs(host.settings.vllmVersion);
}

/** Timers that do not keep the process alive. */
export function leaseClock(now: () => number) {
  return {
    now,
    after(delayMs: number, callback: () => void) {
      const timer = setTimeout(callback, delayMs);
      timer.unref();
      return () => clearTimeout(timer);
    },
  };
}

function expire(host: EngineHost, lease: Lease, leaseMs: number): void {
  host.metrics.add("nixl_num_kv_expired_reqs");
  host.log.line(
    "Worker",
    "WARNING",
    "base_worker.py:2700",
    `Releasing expired KV blocks for request ${lease.requestId} which were retrieved by 0 decode worker(s) within ` +
      `${leaseMs / 1000} seconds.`,
  );
  host.release(lease.blockIds);
}

function handoffObject(
  host: EngineHost,
  mode: TransferMode,
  port: number,
  request: EngineRequest,
  blockIds: readonly number[],
  end: RequestEnd,
): JsonObject {
  const { parallel, env, vllmVersion } = host.settings;
  const shape = handoffShape(vllmVersion);
  return {
    do_remote_prefill: true,
    do_remote_decode: false,
    remote_block_ids: shape.nestedBlockIds ? [[...blockIds]] : [...blockIds],
    remote_engine_id: host.engineId,
    ...(shape.requestId ? { remote_request_id: request.id } : {}),
    remote_host: env.nixlHost,
    remote_port: port,
    tp_size: parallel.tp,
    ...(shape.parallelSizes ? { dcp_size: 1, pp_size: parallel.pp } : {}),
    ...(shape.tokenCount ? { remote_num_tokens: end.tokensHeld } : {}),
    ...(shape.tokenCount && mode === "pull" ? { remote_blocks_expiry_time: null } : {}),
    ...(shape.transferMode ? { transfer_mode: mode } : {}),
    ...(shape.parallelSizes ? { remote_prefill_cached_tokens: end.cachedTokens } : {}),
  };
}
