// While a request waits for its KV, the decode engine keeps the producer's lease alive every sixth of its length.

import type { EngineRequest } from "../engine/request.ts";
import { askPeer } from "../peer/side_channel.ts";
import type { EngineHost } from "./connector.ts";
import { KNOWN_PEER } from "./nixl_handshakes.ts";
import { leaseDurationMs } from "./nixl_leases.ts";

export interface Heartbeats {
  follow(request: EngineRequest): void;
  forget(requestId: string): void;
  stop(): void;
}

export function makeHeartbeats(host: EngineHost): Heartbeats {
  const followed = new Map<string, { host: string; port: number; remoteId: string }>();
  let timer: ReturnType<typeof setInterval> | null = null;
  const beat = () => {
    for (const { host: peerHost, port, remoteId } of followed.values()) {
      void askPeer(peerHost, port, { kind: "heartbeat", requestIds: [remoteId] }, KNOWN_PEER);
    }
  };
  const stop = () => {
    if (timer) clearInterval(timer);
    timer = null;
  };
  return {
    follow({ id, kvParams }) {
      // Without tp_size vLLM sends no heartbeats.
      if (kvParams?.["do_remote_prefill"] !== true || !("tp_size" in kvParams)) return;
      const { remote_host, remote_port, remote_request_id } = kvParams;
      if (typeof remote_host !== "string" || typeof remote_port !== "number") return;
      followed.set(id, { host: remote_host, port: remote_port, remoteId: String(remote_request_id) });
      timer ??= setInterval(beat, leaseDurationMs(host) / 6);
      timer.unref();
    },
    forget(requestId) {
      followed.delete(requestId);
      if (followed.size === 0) stop();
    },
    stop,
  };
}
