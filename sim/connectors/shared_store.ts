// LMCache (in each engine or as a server), Mooncake's store, FlexKV, 3FS: engines save the whole blocks of every prompt in
// one store and look them up there; a miss is computed (kv-protocols.md §5.7 to §5.10). No requests' params are read.

import { createHash, randomUUID } from "node:crypto";
import type { EngineRequest } from "../engine/request.ts";
import { blockName, rootName } from "../kv/content.ts";
import { readSlotRun } from "../kv/slot_run.ts";
import { packSlots, unpackSlots } from "../peer/side_channel.ts";
import { reachBlockStore } from "../peer/block_store.ts";
import { type Connector, type EngineHost, nothingHandedOver } from "./connector.ts";
import { makeWholeBlocks } from "./whole_blocks.ts";

export function makeSharedStore(host: EngineHost): Connector {
  const store = reachBlockStore(storeName(host));
  // Without a common seed each process makes other keys of the same tokens, and every lookup misses.
  const seed = host.settings.env.hashSeed ?? randomUUID();
  const keysOf = (request: EngineRequest, blocks: number) => blockKeys(host, seed, request, blocks);
  const found = makeWholeBlocks(host, async (request, blocks) => {
    const packed = await store.get(keysOf(request, blocks));
    return joined(packed.map(unpackSlots), host.pool.blockSize);
  });
  return {
    start: () => Promise.resolve({ kind: "ready" }),
    arrived() {},
    lookup: found.lookup,
    prefilled(request, blockIds) {
      const keys = keysOf(request, Math.floor(request.promptIds.length / host.pool.blockSize));
      const blocks = keys.map((key, at) => [key, packSlots(readSlotRun(host.pool, [blockIds[at] ?? 0])!)]);
      return store.put(Object.fromEntries(blocks));
    },
    finished(request) {
      found.forget(request);
      return nothingHandedOver;
    },
    dropped: found.forget,
    state: () => ({ kind: "shared_store", serves: store.serves() }),
    stop: store.stop,
  };
}

/** Members of the extra config, and the settings of its own, that say which store an engine uses. */
const addressKeys = [
  ...["lmcache.mp.host", "lmcache.mp.port", "lmcache.remote_url", "lmcache.local_disk"],
  ...["hf3fs_storage_path", "hf3fs_metadata_server_url"],
];

/** LMCache inside an engine has no store but its own memory until it is told of one. */
function storeName({ connector: { name, extra, engineId }, settings: { env } }: EngineHost): string {
  const said = [env.storeAddress, ...addressKeys.map((key) => String(extra[key] ?? ""))].join(" ").trim();
  return `${name} ${said === "" && name === "LMCacheConnectorV1" ? engineId : said}`;
}

function blockKeys({ pool, connector, settings }: EngineHost, seed: string, request: EngineRequest, blocks: number) {
  const keys: string[] = [];
  let name = rootName(request.cacheSalt);
  for (let at = 0; at < blocks; at++) {
    name = blockName(name, request.promptIds, at * pool.blockSize, (at + 1) * pool.blockSize);
    const parts = [seed, settings.model, pool.blockSize, connector.extra["cache_prefix"] ?? "", name];
    keys.push(createHash("md5").update(JSON.stringify(parts)).digest("base64"));
  }
  return keys;
}

function joined(blocks: readonly Uint32Array[], blockSize: number): Uint32Array {
  const run = new Uint32Array(blocks.length * blockSize);
  blocks.forEach((block, at) => run.set(block, at * blockSize));
  return run;
}
