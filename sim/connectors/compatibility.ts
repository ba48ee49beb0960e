// Whether two NIXL engines may exchange KV: the handshake's facts and rules (kv-protocols.md §4.6).

import { createHash } from "node:crypto";
import type { JsonObject } from "../json.ts";
import type { EngineHost } from "./connector.ts";

export type TransferMode = "pull" | "push";

/** What an engine says of itself in a handshake. */
export function introduction(host: EngineHost, mode: TransferMode): JsonObject {
  const { settings } = host;
  return {
    engineId: host.engineId,
    hash: compatibilityHash(host, mode),
    tp: settings.parallel.tp,
    blockSize: settings.blockSize,
  };
}

/** Not hashed, as in vLLM: TP, block size, layout, context length, number of blocks. */
export function compatibilityHash(host: EngineHost, mode: TransferMode): string {
  const { vllmVersion, model, dtype } = host.settings;
  return createHash("sha256").update(JSON.stringify([vllmVersion, model, dtype, mode])).digest("hex");
}

/** Python's complaint when the introduced engine is not the one wanted or does not fit; null when all is well. */
export function handshakeProblem(
  host: EngineHost,
  mode: TransferMode,
  wantedEngineId: string,
  theirs: JsonObject,
): string | null {
  if (theirs["engineId"] !== wantedEngineId) {
    return `RuntimeError: Remote NIXL agent engine ID mismatch. Expected ${wantedEngineId},received ${
      theirs["engineId"]
    }.`;
  }
  const local = compatibilityHash(host, mode);
  if (theirs["hash"] !== local) {
    return `RuntimeError: NIXL compatibility hash mismatch. Local: ${local}, Remote: ${theirs["hash"]}. ` +
      "Prefill and decode instances have incompatible configurations.";
  }
  const mine = host.settings.parallel.tp;
  const other = Number(theirs["tp"]);
  if (Math.max(mine, other) % Math.min(mine, other) !== 0) {
    return `AssertionError: tensor parallel sizes ${mine} and ${other} do not divide`;
  }
  const theirBlock = Number(theirs["blockSize"]);
  if (host.settings.blockSize % theirBlock !== 0) {
    return `AssertionError: block size ${host.settings.blockSize} is no multiple of the remote's ${theirBlock}`;
  }
  return null;
}
