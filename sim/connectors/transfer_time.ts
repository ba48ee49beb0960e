// How long a KV transfer takes at the configured pace, and its count in /metrics.

import { KV_BYTES_PER_TOKEN } from "../settings/read_settings.ts";
import type { EngineHost } from "./connector.ts";

/** Waits as long as moving `blocks` blocks takes, then counts one transfer on the engine that started it. */
export async function moveBlocks(host: EngineHost, blocks: number, blockSize: number): Promise<void> {
  const { transferMsPerBlock, transferMbPerS } = host.settings.pace;
  const bytes = blocks * blockSize * KV_BYTES_PER_TOKEN;
  const bandwidthMs = transferMbPerS > 0 ? bytes / (transferMbPerS * 1e6) * 1000 : 0;
  const startedMs = host.now();
  const waitMs = blocks * transferMsPerBlock + bandwidthMs;
  if (waitMs > 0) await Bun.sleep(waitMs);
  host.metrics.observe("nixl_xfer_time_seconds", (host.now() - startedMs) / 1000);
  host.metrics.observe("nixl_post_time_seconds", 0);
  host.metrics.observe("nixl_bytes_transferred", bytes);
  host.metrics.observe("nixl_num_descriptors", 2);
}
