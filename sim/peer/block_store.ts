// A store of KV blocks for all simulated engines that one process has started. It lives in the engine that came first; when
// that one ends its blocks are gone, and the next that needs the store serves a new one.
//
// It listens on an abstract Unix socket, which needs no port and leaves no file.

import { createHash } from "node:crypto";
import { isObject, type JsonObject } from "../json.ts";

export interface BlockStore {
  put(blocks: Readonly<Record<string, string>>): Promise<void>;
  /** The blocks of the first keys, up to the first that is missing. */
  get(keys: readonly string[]): Promise<readonly string[]>;
  /** The store is in this process. */
  serves(): boolean;
  stop(): void;
}

/** More are forgotten, longest unused first. */
const MOST_BLOCKS = 16_384;

export function reachBlockStore(name: string): BlockStore {
  const digest = createHash("sha256").update(name).digest("hex").slice(0, 16);
  const unix = `\0pdserve-sim-store-${process.ppid}-${digest}`;
  let server: { stop(): void } | null = serveStore(unix);
  async function ask(message: JsonObject): Promise<JsonObject> {
    try {
      const response = await fetch("http://store/", { unix, method: "POST", body: JSON.stringify(message) });
      const answer: unknown = await response.json();
      return isObject(answer) ? answer : {};
    } catch {
      server ??= serveStore(unix);
      return {};
    }
  }
  return {
    put: async (blocks) => void await ask({ put: { ...blocks } }),
    async get(keys) {
      const { found } = await ask({ get: [...keys] });
      return Array.isArray(found) ? found.map(String) : [];
    },
    serves: () => server !== null,
    stop: () => server?.stop(),
  };
}

/** Null when another engine serves it already. */
function serveStore(unix: string): { stop(): void } | null {
  const blocks = new Map<string, string>();
  try {
    const server = Bun.serve({
      unix,
      fetch: async (request) => {
        const { put, get } = await request.json() as JsonObject;
        if (isObject(put)) keep(blocks, put);
        return Response.json({ found: Array.isArray(get) ? find(blocks, get.map(String)) : [] });
      },
    });
    return { stop: () => void server.stop(true) };
  } catch {
    return null;
  }
}

function keep(blocks: Map<string, string>, put: JsonObject): void {
  for (const [key, block] of Object.entries(put)) touch(blocks, key, String(block));
  for (const key of blocks.keys()) {
    if (blocks.size <= MOST_BLOCKS) break;
    blocks.delete(key);
  }
}

function find(blocks: Map<string, string>, keys: readonly string[]): string[] {
  const found: string[] = [];
  for (const key of keys) {
    const block = blocks.get(key);
    if (block === undefined) break;
    touch(blocks, key, block);
    found.push(block);
  }
  return found;
}

/** A Map keeps the order in which keys were set: the first is the longest unused. */
function touch(blocks: Map<string, string>, key: string, block: string): void {
  blocks.delete(key);
  blocks.set(key, block);
}
