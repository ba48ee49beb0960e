import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { paintFor } from "../../../cli/render/color.ts";
import { statusLines } from "../../../cli/render/status_table.ts";
import { textWidth } from "../../../cli/render/text_width.ts";
import type { RunState, WorkerEntry } from "../../../control/run_state.ts";

const now = new Date("2026-11-21T16:00:00Z");

const worker = (name: string, changes: Partial<WorkerEntry> = {}): WorkerEntry => ({
  ...{ name, role: name.split("-")[0] ?? "", gpus: ["0"], url: "http://127.0.0.1:8100", pid: 1, generation: 1 },
  ...{ state: "ready", detail: null, since: "2026-11-21T13:49:00Z", restarts: 0, requests: 3, handoffs: 1 },
  ...{ retry_at: null, kv_usage: 0.22, waiting: 0, last_failure: null },
  ...changes,
});

const state: RunState = {
  ...{
    schema: 1,
    run_id: "20261121-134812-7f3a12",
    name: "rollout",
    url: "http://127.0.0.1:8000",
    model: "Qwen/Qwen3-32B",
  },
  ...{ engine: "vllm 0.32.0", connector: "NixlConnector", plan_id: "7f3a", epoch: 9, phase: "serving" },
  ...{
    verdict: "degraded",
    reason: "decode-1 will restart",
    in_flight: 41,
    queued: 0,
    router_processes: 1,
    requests: 900,
  },
  ttft_ms: { p50: 250, p99: 2_500 },
  workers: [
    worker("prefill-0"),
    worker("decode-0", { gpus: ["2"], requests: 19, kv_usage: 0.61, restarts: 1 }),
    worker("decode-1", {
      ...{
        gpus: ["3"],
        state: "backoff",
        detail: "attempt 2",
        since: "2026-11-21T15:59:58Z",
      },
      ...{ kv_usage: null, waiting: null, requests: 0, restarts: 1 },
      last_failure: {
        ...{
          at: "2026-11-21T15:59:58.120Z",
          during: "ready",
          what: "decode-1 ended with exit code 0 without being asked to",
        },
        ...{ why: "the GPU reported an error", fix: "nvidia-smi -q -d ECC -i 3" },
      },
    }),
  ],
};

for (const columns of [80, 120]) {
  test(`statusLines() is as kept at ${columns} columns, and no wider`, () => {
    const path = join(import.meta.dir, `../../fixtures/screens/status_${columns}.txt`);
    const lines = statusLines(state, { columns, paint: paintFor(false), now });
    if (process.env.PDSERVE_TEST_UPDATE) writeFileSync(path, lines.join("\n") + "\n");
    expect(lines.join("\n") + "\n").toBe(readFileSync(path, "utf8"));
    expect(lines.filter((line) => textWidth(line) > columns)).toEqual([]);
  });
}
