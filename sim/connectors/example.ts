// ExampleConnector, SharedStorageConnector before December 2025: KV in a shared folder, one sub-folder a prompt, named by
// its block-aligned tokens (kv-protocols.md §5.2). Looks at no kv_transfer_params.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EngineRequest } from "../engine/request.ts";
import { readSlotRun } from "../kv/slot_run.ts";
import { type Connector, type EngineHost, type LoadResult, nothingHandedOver } from "./connector.ts";
import { moveBlocks } from "./transfer_time.ts";

const FILE = "model.layers.0.self_attn.attn.safetensors";

export function makeExample(host: EngineHost): Connector {
  const path = host.connector.extra["shared_storage_path"];
  const root = typeof path === "string" ? path : "/tmp";
  const { blockSize } = host.pool;
  /** Requests whose folder this engine has made and not filled yet. */
  const storing = new Map<string, string>();
  const alignedTokens = ({ promptIds }: EngineRequest) => Math.floor((promptIds.length - 1) / blockSize) * blockSize;
  const folderOf = (request: EngineRequest) => join(root, folderName(request, alignedTokens(request)));
  return {
    start: () => Promise.resolve({ kind: "ready" }),
    arrived() {},
    lookup(request, localTokens) {
      if (storing.has(request.id)) return { kind: "none" };
      const folder = folderOf(request);
      const aligned = alignedTokens(request);
      if (!existsSync(folder)) {
        mkdirSync(folder, { recursive: true });
        storing.set(request.id, folder);
        return { kind: "none" };
      }
      if (aligned <= localTokens) return { kind: "none" };
      const tokens = aligned - localTokens;
      return {
        kind: "load",
        tier: "external_unspecified",
        tokens,
        load: () => read(host, folder, localTokens, tokens),
      };
    },
    prefilled(request, blockIds) {
      const folder = storing.get(request.id);
      storing.delete(request.id);
      if (folder === undefined) return;
      const run = readSlotRun(host.pool, blockIds.slice(0, alignedTokens(request) / blockSize)) ?? new Uint32Array();
      writeFileSync(join(folder, FILE), new Uint8Array(run.buffer));
    },
    finished: () => nothingHandedOver,
    dropped(request) {
      const folder = storing.get(request.id);
      storing.delete(request.id);
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    },
    state: () => ({ kind: "example", root, storing: storing.size }),
    stop() {},
  };
}

/** A folder without its file is one that another engine is still writing: the worker dies of it. */
async function read(host: EngineHost, folder: string, from: number, tokens: number): Promise<LoadResult> {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.from(readFileSync(join(folder, FILE)));
  } catch {
    host.violations.record("early_decode", `the KV folder ${folder} is still being written`, null);
    return { kind: "death", error: `FileNotFoundError: No such file or directory: ${join(folder, FILE)}` };
  }
  await moveBlocks(host, Math.ceil(tokens / host.pool.blockSize), host.pool.blockSize);
  host.log.line(
    "Worker",
    "INFO",
    "example_connector.py:180",
    `Inject KV cache of ${tokens} tokens to the paged memory`,
  );
  const run = new Uint32Array(bytes.buffer, 0, Math.floor(bytes.byteLength / 4));
  return { kind: "loaded", slots: run.slice(from, from + tokens) };
}

/** A prompt below one block has the MD5 of nothing, as in vLLM. The cache salt does not count. */
function folderName({ promptIds }: EngineRequest, aligned: number): string {
  return createHash("md5").update(Buffer.from(Int32Array.from(promptIds.slice(0, aligned)).buffer)).digest("hex");
}
