// MoRIIO's ports: one for handshakes and one for notifications for each rank, from the two bases of the extra config.

import type { Json, JsonObject } from "../json.ts";
import { listenForPeers, type PeerServer } from "../peer/side_channel.ts";
import type { EngineHost, StartOutcome } from "./connector.ts";

export interface MoriioListener {
  start(): StartOutcome;
  stop(): void;
}

const REQUIRED = ["http_port", "handshake_port", "notify_port"];

export function makeMoriioListener(host: EngineHost, answer: (message: JsonObject) => Json): MoriioListener {
  const servers: PeerServer[] = [];
  const { connector: { extra }, settings: { env, parallel }, rank } = host;
  return {
    start() {
      const missing = REQUIRED.find((key) => !(key in extra));
      if (missing !== undefined) return { kind: "failed", stderr: `KeyError: '${missing}'\n` };
      const at = String(extra["host_ip"] ?? env.hostIp);
      for (const base of [Number(extra["handshake_port"]), Number(extra["notify_port"])]) {
        for (let tp = 0; tp < parallel.tp; tp++) {
          const port = base + rank + tp;
          const listening = listenForPeers(at, port, answer);
          if (listening.kind === "refused") {
            const stderr = `zmq.error.ZMQError: Address already in use (addr='tcp://${at}:${port}')\n`;
            return { kind: "failed", stderr };
          }
          servers.push(listening.server);
        }
      }
      return { kind: "ready" };
    },
    stop: () => servers.forEach((server) => server.stop()),
  };
}
