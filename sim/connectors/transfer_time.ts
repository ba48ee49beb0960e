// How long a KV transfer takes at the configured pace, and its count in /metrics.

import { KV_BYTES_PER_TOKEN } from "../settings/read_settings.ts";
import type { EngineHost } from "./connector.ts";

/** Waits as long as moving `blocks` blocks takes. */
export async function moveBlocks(host: EngineHost, blocks: number, blockSize: number): Promise<void> {
  const { transferMsPerBlock, transferMbPerS } = host.settings.pace;
  const bandwidthMs = transferMbPerS > 0 ? bytesOf(blocks, blockSize) / (transferMbPerS * 1000) : 0;
  const waitMs = blocks * transferMsPerBlock + bandwidthMs;
  if (waitMs > 0) await Bun.sleep(waitMs);
}

/** The same with NIXL, in `transfers` equal parts, counted on the engine that starts them. */
export async function moveByNixl(
  host: EngineHost,
  blocks: number,
  blockSize: number,
  transfers: number,
): Promise<void> {
  const startedMs = host.now();
  await moveBlocks(host, blocks, blockSize);
  for (let part = 0; part < transfers; part++) {
    host.metrics.observe("nixl_xfer_time_seconds", (host.now() - startedMs) / 1000);
    host.metrics.observe("nixl_post_time_seconds", 0);
    host.metrics.observe("nixl_bytes_transferred", bytesOf(blocks, blockSize) / transfers);
    host.metrics.observe("nixl_num_descriptors", 2);
  }
}

function bytesOf(blocks: number, blockSize: number): number {
  return blocks * blockSize * KV_BYTES_PER_TOKEN;
}
