// Prefill's word that KV has arrived at decode, for connectors whose prefill answers earlier than that (LMCache's PD mode).

import type { Connector, LegContext } from "../kv/connector.ts";
import type { Waiting } from "./admission.ts";
import { openPullSocket, type PullSocket } from "./zmq_pull.ts";

export interface KvArrivals {
  /** Before prefill is asked, since its word may come before its answer. Null where the connector needs no such word. */
  expect(context: LegContext, io: ArrivalIo): Promise<Waiting | null>;
  close(): void;
}

interface ArrivalIo {
  readonly connector: Pick<Connector, "arrival">;
  readonly log: (level: "error", message: string, fields: Readonly<Record<string, unknown>>) => void;
}

export function makeKvArrivals(): KvArrivals {
  const sockets = new Map<string, PullSocket>();
  const awaited = new Map<string, () => void>();
  const hear = (message: Buffer) => {
    const id = requestIdIn(message);
    if (id !== null) awaited.get(id)?.();
  };
  return {
    async expect(context, { connector: { arrival }, log }) {
      const port = arrival && context.prefill.ports[arrival.portPurpose];
      if (arrival === undefined || port === undefined) return null;
      const { host } = context.prefill;
      const address = `${host}:${port}`;
      const socket = sockets.get(address) ?? openPullSocket(host, port, hear);
      sockets.set(address, socket);
      const trouble = await socket.listening;
      if (trouble !== null) {
        sockets.delete(address);
        log("error", "The socket for a prefill worker's word that KV has arrived cannot be opened", {
          address,
          trouble,
        });
      }
      return waitFor(arrival.idOf(context), awaited);
    },
    close() {
      for (const socket of sockets.values()) socket.close();
    },
  };
}

function waitFor(id: string, awaited: Map<string, () => void>): Waiting {
  const { promise: admitted, resolve } = Promise.withResolvers<"admitted" | "gave-up">();
  awaited.set(id, () => resolve("admitted"));
  void admitted.then(() => awaited.delete(id));
  return { admitted, giveUp: () => resolve("gave-up") };
}

/**
 * Of `{"type": "ProxyNotif", "req_id": "…"}` in MessagePack. A map of few texts is all there is, so the member's name is
 * looked for and the text behind it read.
 */
function requestIdIn(message: Buffer): string | null {
  const key = Buffer.from("\xa6req_id", "latin1");
  const at = message.indexOf(key);
  if (at < 0) return null;
  const from = at + key.length;
  const first = message[from] ?? 0;
  const [start, length] = first >= 0xa0 && first <= 0xbf
    ? [from + 1, first & 0x1f]
    : first === 0xd9
    ? [from + 2, message[from + 1] ?? 0]
    : [0, 0];
  return length === 0 ? null : message.toString("utf8", start, start + length);
}
