// Which NIXL engines this one has met, and what it says when a meeting fails.

import type { JsonObject } from "../json.ts";
import { askPeer } from "../peer/side_channel.ts";
import type { EngineHost } from "./connector.ts";
import { handshakeProblem, type TransferMode } from "./compatibility.ts";

/** vLLM's receive time-out in a handshake. */
const LIVE_PEER_MS = 5000;

/** For messages after the handshake: a peer that has gone since then is noticed at once. */
export const KNOWN_PEER = { answerMs: 30_000, refusalMs: 0 };

export interface NixlPeer {
  readonly engineId: string;
  readonly host: string;
  readonly port: number;
  readonly tp: number;
}

export interface NixlHandshakes {
  /** What the peer said of itself, or null after logging and counting the failure. One meeting per engine id. */
  meet(peer: NixlPeer, requestId: string): Promise<JsonObject | null>;
}

export function makeHandshakes(host: EngineHost, mode: TransferMode): NixlHandshakes {
  const met = new Map<string, Promise<JsonObject | null>>();
  const attempt = async (peer: NixlPeer): Promise<JsonObject | string> => {
    if (peer.engineId === host.engineId) {
      host.violations.record("E5", "remote_engine_id is this engine's own", null);
      return "AssertionError: Cannot register local engine as remote";
    }
    const message = { kind: "handshake", wantsTp: peer.tp, from: host.engineId };
    const { handshakeTimeoutMs } = host.settings.pace;
    const patience = { answerMs: Math.max(LIVE_PEER_MS, handshakeTimeoutMs), refusalMs: handshakeTimeoutMs };
    const theirs = await askPeer(peer.host, peer.port, message, patience);
    if (!theirs) return "zmq.error.Again: Resource temporarily unavailable";
    return handshakeProblem(host, mode, peer.engineId, theirs) ?? theirs;
  };
  const meetOnce = async (peer: NixlPeer): Promise<JsonObject | null> => {
    const outcome = await attempt(peer);
    if (typeof outcome !== "string") {
      const hash = String(outcome["hash"]);
      host.log.line("Worker", "INFO", "base_worker.py:1093", `NIXL compatibility check passed (hash: ${hash})`);
      host.log.line("Worker", "INFO", "base_worker.py:2255", transferPlan(host, outcome));
      return outcome;
    }
    met.delete(peer.engineId);
    logFailure(host, "handshake_setup_failed", "base_worker.py:1318", peer, null, outcome);
    return null;
  };
  return {
    async meet(peer, requestId) {
      const meeting = met.get(peer.engineId) ?? meetOnce(peer);
      met.set(peer.engineId, meeting);
      const theirs = await meeting;
      if (theirs) return theirs;
      met.delete(peer.engineId);
      logFailure(host, "handshake_failed", "base_worker.py:1354", peer, requestId, "the handshake failed");
      host.metrics.add("nixl_num_failed_transfers");
      return null;
    },
  };
}

function transferPlan(host: EngineHost, theirs: JsonObject): string {
  const local = host.settings.parallel.tp;
  const remote = Number(theirs["tp"]);
  const ratio = local >= remote ? local / remote : -(remote / local);
  return `Transfer plan: TransferTopology(tp_ratio=${ratio}, num_kv_heads=2, local_tp=${local}, remote_tp=${remote}, ` +
    "remote_pp=0, local_dcp=1, remote_dcp=1, local_rank=0, remote_block_len=16384)";
}

export function logFailure(
  host: EngineHost,
  type: string,
  place: string,
  peer: Pick<NixlPeer, "engineId">,
  requestId: string | null,
  error: string,
): void {
  const context = `{'failure_type': '${type}', 'request_id': ${requestId === null ? "None" : `'${requestId}'`}, ` +
    `'engine_id': '${host.engineId}', 'remote_engine_id': '${peer.engineId}'}`;
  const text = `NIXL transfer failure: ${type} | Context: ${context}\nTraceback (most recent call last):\n${error}`;
  host.log.line("Worker", "ERROR", place, text);
}
