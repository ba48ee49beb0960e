// How two simulated engines talk about KV: one JSON message, one JSON answer, over HTTP on the connector's own port.
// Real engines speak ZeroMQ and RDMA there; only the ports and what is said matter here.

import { isObject, type Json, type JsonObject } from "../json.ts";

export interface PeerServer {
  readonly port: number;
  stop(): void;
}

export type Listening =
  | { readonly kind: "listening"; readonly server: PeerServer }
  | { readonly kind: "refused"; readonly reason: "taken" | "foreign" | "range" };

/** `null` means silence: the caller takes the peer for gone. */
export type PeerAnswer = (message: JsonObject) => Json | Promise<Json>;

export function listenForPeers(host: string, port: number, answer: PeerAnswer): Listening {
  if (port < 0 || port > 65_535) return { kind: "refused", reason: "range" };
  try {
    const server = Bun.serve({
      hostname: host,
      port,
      idleTimeout: 0,
      fetch: async (request) => {
        const message = await request.json().catch(() => null);
        if (!isObject(message)) return new Response("a JSON object is expected\n", { status: 400 });
        const reply = await answer(message);
        return reply === null ? new Response(null, { status: 503 }) : Response.json(reply);
      },
    });
    return { kind: "listening", server: { port: server.port ?? port, stop: () => void server.stop(true) } };
  } catch (error) {
    const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    return { kind: "refused", reason: taken ? "taken" : "foreign" };
  }
}

export interface Patience {
  /** For a peer that is there but slow, or frozen. */
  readonly answerMs: number;
  /** A refused connection is reported that late, as with ZeroMQ, which tries on; 0 for a peer that is known to be gone. */
  readonly refusalMs: number;
}

/** Null when nobody answered. */
export async function askPeer(
  host: string,
  port: number,
  message: JsonObject,
  { answerMs, refusalMs }: Patience,
): Promise<JsonObject | null> {
  const startedMs = Date.now();
  try {
    const shown = host.includes(":") ? `[${host}]` : host;
    const response = await fetch(`http://${shown}:${port}/`, {
      method: "POST",
      body: JSON.stringify(message),
      signal: AbortSignal.timeout(answerMs),
    });
    const reply: unknown = response.ok ? await response.json() : null;
    if (isObject(reply)) return reply;
  } catch {
    // Refused, reset or out of time: all the same to the caller.
  }
  await Bun.sleep(Math.max(0, refusalMs - (Date.now() - startedMs)));
  return null;
}

export function packSlots(slots: Uint32Array): string {
  return Buffer.from(slots.buffer, slots.byteOffset, slots.byteLength).toString("base64");
}

export function unpackSlots(packed: string): Uint32Array {
  const bytes = Uint8Array.from(Buffer.from(packed, "base64"));
  return new Uint32Array(bytes.buffer, 0, Math.floor(bytes.byteLength / 4));
}
