// Images and sounds in a chat: an encoder makes files of them, an engine that takes from encoders reads those, and any
// other computes them itself (kv-protocols.md §9).

import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isObject, type Json, type JsonObject } from "../json.ts";
import type { EncoderSettings } from "../settings/settings.ts";

const FILE = "encoder_cache.safetensors";

/** For GET /sim/state: media by what became of them here. */
export interface MediaCounts {
  encoded: number;
  loaded: number;
  computed: number;
}

export function newMediaCounts(): MediaCounts {
  return { encoded: 0, loaded: 0, computed: 0 };
}

/** Names the content, as the hash of a real engine does; null for a part that is text. */
export function mediumHash(part: Json): string | null {
  const type = isObject(part) ? String(part["type"]) : "";
  if (!isObject(part) || !["image_url", "audio_url", "input_audio"].includes(type)) return null;
  return createHash("sha256").update(JSON.stringify(part[type] ?? null)).digest("hex").slice(0, 16);
}

export function mediaOf(body: JsonObject): readonly string[] {
  const messages = Array.isArray(body["messages"]) ? body["messages"].filter(isObject) : [];
  const parts = messages.flatMap(({ content }) => Array.isArray(content) ? content : []);
  return parts.flatMap((part) => mediumHash(part) ?? []);
}

/** Prefill's side: what an encoder has made is read, all else computed. */
export function takeMedia(encoder: EncoderSettings | null, hashes: readonly string[], counts: MediaCounts): void {
  for (const hash of hashes) {
    const isThere = encoder !== null && encoder.role !== "ec_producer" && existsSync(join(encoder.path, hash, FILE));
    if (isThere) counts.loaded += 1;
    else counts.computed += 1;
  }
}

/** The encoder's side; `ec_transfer_params` of its answer. In one step, so that nobody reads half a file. */
export function encodeMedia(encoder: EncoderSettings, hashes: readonly string[], counts: MediaCounts): JsonObject {
  for (const hash of hashes) {
    const folder = join(encoder.path, hash);
    mkdirSync(folder, { recursive: true });
    const unfinished = join(folder, `${randomUUID()}.tmp`);
    writeFileSync(unfinished, hash);
    renameSync(unfinished, join(folder, FILE));
    counts.encoded += 1;
  }
  return { ec_items: hashes.map((hash) => ({ mm_hash: hash, image_grid_thw: [1, 16, 16] })) };
}
