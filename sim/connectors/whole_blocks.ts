// KV that comes in whole blocks from somewhere that must be asked first: the request waits for the answer, then loads what
// there was. Never the whole prompt: its last token is always computed.

import type { EngineRequest } from "../engine/request.ts";
import type { EngineHost, LoadResult, Lookup } from "./connector.ts";
import { moveBlocks } from "./transfer_time.ts";

export interface WholeBlocks {
  lookup(request: EngineRequest, localTokens: number): Lookup;
  /** The request has ended, however it did. */
  forget(request: EngineRequest): void;
}

/** `ask` resolves to the slots of the first blocks that were found, without gaps; null when the request asks for none. */
export function makeWholeBlocks(
  host: EngineHost,
  ask: (request: EngineRequest, blocks: number) => Promise<Uint32Array> | null,
): WholeBlocks {
  const { blockSize } = host.pool;
  const answers = new Map<string, Uint32Array>();
  return {
    lookup(request, localTokens) {
      const most = Math.floor((request.promptIds.length - 1) / blockSize);
      const slots = answers.get(request.id);
      if (slots !== undefined) return loadOf(host, slots.subarray(localTokens, most * blockSize));
      const answer = most * blockSize > localTokens ? ask(request, most) : null;
      if (answer === null) return { kind: "none" };
      return { kind: "later", until: answer.then((found) => void answers.set(request.id, found)) };
    },
    forget: (request) => void answers.delete(request.id),
  };
}

function loadOf(host: EngineHost, slots: Uint32Array): Lookup {
  if (slots.length === 0) return { kind: "none" };
  const load = async (): Promise<LoadResult> => {
    if (host.settings.faults.failTransfers > 0) {
      host.settings.faults.failTransfers -= 1;
      return { kind: "failed" };
    }
    await moveBlocks(host, slots.length / host.pool.blockSize, host.pool.blockSize);
    return { kind: "loaded", slots };
  };
  return { kind: "load", tier: "external_unspecified", tokens: slots.length, load };
}
