// The NIXL side channel of one engine: port, handshake, heartbeats, notifications. Pull and push share it.

import type { Json, JsonObject } from "../json.ts";
import { listenForPeers, type PeerServer } from "../peer/side_channel.ts";
import type { EngineHost, StartOutcome } from "./connector.ts";
import { introduction, type TransferMode } from "./compatibility.ts";

export interface NixlListener {
  readonly port: number;
  start(): StartOutcome;
  stop(): void;
}

/** `answer` gets every message but the handshake. A handshake for a rank that is not there kills the listener (E7). */
export function makeNixlListener(
  host: EngineHost,
  mode: TransferMode,
  answer: (message: JsonObject) => Json | Promise<Json>,
): NixlListener {
  const { nixlHost, nixlPort } = host.settings.env;
  const port = nixlPort + host.rank;
  let server: PeerServer | null = null;
  let dead = false;
  const answerAll = (message: JsonObject): Json | Promise<Json> => {
    if (dead) return null;
    if (message["kind"] !== "handshake") return answer(message);
    if (Number(message["wantsTp"]) > host.settings.parallel.tp) {
      dead = true;
      host.violations.record("E7", `tp_size ${message["wantsTp"]} asks for a rank that does not exist`, null);
      host.log.plain(`Exception in thread nixl_handshake_listener:\nKeyError: ${host.settings.parallel.tp}\n`);
      return null;
    }
    return introduction(host, mode);
  };
  return {
    port,
    start() {
      const listening = listenForPeers(nixlHost, port, answerAll);
      if (listening.kind === "refused") return { kind: "stuck", stderr: bindError(nixlHost, port, listening.reason) };
      server = listening.server;
      return { kind: "ready" };
    },
    stop: () => server?.stop(),
  };
}

/** The thread dies, the engine waits for it for ever (golden transcripts, startup/nixl_side_*). */
function bindError(host: string, port: number, reason: "taken" | "foreign" | "range"): string {
  const address = `tcp://${host}:${port}`;
  const error = {
    taken: `zmq.error.ZMQError: Address already in use (addr='${address}')`,
    foreign: `zmq.error.ZMQError: Cannot assign requested address (addr='${address}')`,
    range: `urllib3.exceptions.LocationParseError: Failed to parse: ${address}`,
  }[reason];
  return `Exception in thread nixl_handshake_listener:\nTraceback (most recent call last):\n${error}\n`;
}
