// R6: a handoff that stops working after the proof is noticed by decode's own counters.

import { expect, test } from "bun:test";
import { example } from "../../kv/example.ts";
import { nixl } from "../../kv/nixl.ts";
import { makeGate } from "../../router/admission.ts";
import { makeOwnLoad } from "../../router/numbers.ts";
import { makeCounter } from "../../router/prometheus.ts";
import { makeRecomputeWatch } from "../../router/recompute_watch.ts";
import type { Slot } from "../../router/roster.ts";
import type { RouterIo } from "../../router/router_io.ts";
import { vllm } from "../../supervisor/engines/vllm.ts";
import { workerNamed } from "./fake_fleet.ts";

function watched(connector = nixl) {
  const counts = { local: 0, external: 0 };
  const worker = workerNamed("decode-0");
  const window = makeGate({ inside: 1, waiting: 1 });
  const others = { name: "decode-0", worker, room: window, window, handingOver: new Set<never>() };
  const slot: Slot = Object.assign(makeOwnLoad(), others);
  const recomputed = makeCounter("recomputed", "", ["worker"]);
  const log: string[] = [];
  const upstream = {
    request(_origin: string, _request: unknown, sink: Parameters<RouterIo["upstream"]["request"]>[2]) {
      const text = `vllm:prompt_tokens_by_source_total{source="local_compute"} ${counts.local}\n` +
        `vllm:prompt_tokens_by_source_total{source="external_kv_transfer"} ${counts.external}\n`;
      sink.head({ status: 200, header: () => null, entries: () => [] });
      sink.data(new TextEncoder().encode(text));
      queueMicrotask(() => sink.end());
      return { abort() {} };
    },
  };
  const io = {
    connector,
    roster: { decode: [slot], workerApiKey: null },
    upstream,
    metrics: { recomputed },
    log: (_level: string, message: string) => void log.push(message),
  } as unknown as RouterIo;
  const watch = makeRecomputeWatch(io, vllm.metrics);
  return { counts, slot, log, watch, recomputed: () => recomputed.value("decode-0") };
}

test("R6: prompt tokens that decode computed although KV was handed over raise the alarm", async () => {
  const { counts, slot, log, watch, recomputed } = watched();
  await watch.look();
  slot.takesOver();
  slot.takesOver();
  counts.local += 300;
  await watch.look();
  expect(recomputed()).toBe(300);
  expect(log).toEqual([expect.stringContaining("decode-0 computed 300 prompt tokens")]);
  watch.close();
});

test("a handoff that works is quiet, one token per request included", async () => {
  const { counts, slot, log, watch } = watched();
  await watch.look();
  slot.takesOver();
  slot.takesOver();
  counts.external += 300;
  counts.local += 2;
  await watch.look();
  expect(log).toEqual([]);
  watch.close();
});

test("requests that decode served whole say nothing about handoffs", async () => {
  const { counts, slot, log, watch } = watched();
  await watch.look();
  slot.takesOver();
  slot.legStarts(0, true);
  slot.legEnds(0, true);
  counts.local += 300;
  await watch.look();
  expect(log).toEqual([]);
  watch.close();
});

test("where whole blocks move, only a time in which nothing moved raises the alarm", async () => {
  const { counts, slot, log, watch } = watched(example);
  await watch.look();
  slot.takesOver();
  Object.assign(counts, { local: 20, external: 64 });
  await watch.look();
  expect(log).toEqual([]);
  slot.takesOver();
  counts.local += 84;
  await watch.look();
  expect(log).toHaveLength(1);
  watch.close();
});

test("a worker that restarted is measured anew", async () => {
  const { counts, slot, log, watch } = watched();
  counts.local = 5;
  await watch.look();
  slot.worker = { ...slot.worker, generation: 2 };
  slot.takesOver();
  counts.local = 200;
  await watch.look();
  expect(log).toEqual([]);
  watch.close();
});
