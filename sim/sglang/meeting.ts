// How a prefill worker and a decode worker find each other and hand over: the bootstrap server of prefill, and the rooms in
// it. The routes are SGLang's but for /sim/room, where a decode worker comes for the KV that NIXL would write.

import { createServer, type IncomingMessage, type Server } from "node:http";
import type { SglangSettings } from "./settings.ts";

/** What goes from prefill to decode. */
export interface Handover {
  readonly tokens: readonly number[];
  readonly slots: readonly number[];
  readonly first: number;
  readonly firstLogprob: number;
  /** Of the weights that made it. */
  readonly weightVersion: string;
}

type Waiter = (handover: Handover | null) => void;

export interface Rooms {
  /** Resolves when decode has taken it; false after the limit, or when `signal` is aborted. */
  offer(room: number, handover: Handover, limitMs: number, signal: AbortSignal): Promise<boolean>;
  /** Resolves with what prefill offers in this room; null when the caller has gone before. */
  take(room: number, gone: AbortSignal): Promise<Handover | null>;
}

export function makeRooms(): Rooms {
  const offered = new Map<number, { handover: Handover; taken: () => void }>();
  const waiting = new Map<number, Waiter>();
  return {
    offer(room, handover, limitMs, signal) {
      return new Promise((resolve) => {
        const end = (wasTaken: boolean) => {
          clearTimeout(timer);
          offered.delete(room);
          resolve(wasTaken);
        };
        const timer = setTimeout(() => end(false), limitMs);
        signal.addEventListener("abort", () => end(false), { once: true });
        offered.set(room, { handover, taken: () => end(true) });
        waiting.get(room)?.(handover);
      });
    },
    take(room, gone) {
      return new Promise((resolve) => {
        const done: Waiter = (handover) => {
          waiting.delete(room);
          if (handover !== null) offered.get(room)?.taken();
          resolve(handover);
        };
        gone.addEventListener("abort", () => done(null), { once: true });
        const there = offered.get(room);
        if (there === undefined) waiting.set(room, done);
        else done(there.handover);
      });
    },
  };
}

export async function serveBootstrap(settings: SglangSettings, rooms: Rooms): Promise<Server> {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://bootstrap");
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    const { status, body } = await answer(request, url, settings, rooms, gone.signal);
    if (response.destroyed) return;
    response.writeHead(status, { "content-type": body.startsWith("{") ? json : "text/plain; charset=utf-8" });
    response.end(body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(settings.bootstrapPort, settings.host, resolve);
  });
  return server;
}

const json = "application/json; charset=utf-8";
const layoutKeys = ["prefill_dp_rank", "prefill_cp_rank", "target_tp_rank", "target_pp_rank"];

async function answer(
  { method }: IncomingMessage,
  url: URL,
  settings: SglangSettings,
  rooms: Rooms,
  gone: AbortSignal,
): Promise<{ status: number; body: string }> {
  if (url.pathname === "/health") return { status: 200, body: "OK" };
  if (url.pathname === "/sim/room") {
    const handover = await rooms.take(Number(url.searchParams.get("room")), gone);
    return { status: 200, body: JSON.stringify({ handover }) };
  }
  if (url.pathname !== "/route") return { status: 404, body: "404: Not Found" };
  if (method !== "GET") return { status: 405, body: "Method not allowed" };
  const asked = layoutKeys.map((key) => url.searchParams.get(key));
  if (asked.some((value) => value === null)) {
    return { status: 400, body: "Missing inputs for bootstrap server." };
  }
  if (asked.every((value) => value === "-1")) return { status: 200, body: pythonJson(layout(settings)) };
  return asked.every((value) => value === "0")
    ? { status: 200, body: pythonJson({ rank_ip: settings.host, rank_port: settings.bootstrapPort }) }
    : { status: 404, body: "Bootstrap info not Found" };
}

function layout(settings: SglangSettings): Record<string, unknown> {
  return {
    ...{ attn_tp_size: 1, attn_cp_size: 1, dp_size: 1, pp_size: 1, page_size: 1, kv_cache_dtype: "auto" },
    ...{ follow_bootstrap_room: true, enable_dsa_cache_layer_split: false, decode_allocation_policy: "early" },
    ...{ enable_kv_cache_sharding: false, prefill_http_port: settings.port, target_tp_rank: null },
    ...{ target_tp_ranks: null, target_cp_ranks: null, target_pp_ranks: null, required_dst_info_num: null },
    required_prefill_response_num: null,
  };
}

/** As Python's `json.dumps` spaces a flat object. */
function pythonJson(value: Record<string, unknown>): string {
  return `{${Object.entries(value).map(([name, member]) => `"${name}": ${JSON.stringify(member)}`).join(", ")}}`;
}

/** Decode's side. Null when nobody listens there; the real engine finds that out in fifteen tries over 14 s. */
export async function fetchHandover(
  { host, port, room }: { readonly host: string; readonly port: number; readonly room: number },
  signal: AbortSignal,
): Promise<Handover | null> {
  const at = `http://${host.includes(":") ? `[${host}]` : host}:${port}/sim/room?room=${room}`;
  const { handover } = await (await fetch(at, { signal })).json() as { handover: Handover | null };
  return handover;
}
