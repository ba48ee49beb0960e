import { expect, test } from "bun:test";
import { makeGate } from "../../router/admission.ts";
import type { RouterIo } from "../../router/router_io.ts";
import { makeWindowWatch } from "../../router/window_watch.ts";
import { vllm } from "../../supervisor/engines/vllm.ts";
import { workerNamed } from "./fake_fleet.ts";

function watched(maxHandoffs: number, inside: number) {
  const engine = { usage: 0.5 };
  const window = makeGate({ inside: maxHandoffs, waiting: 10 });
  for (let i = 0; i < inside; i++) window.tryEnter();
  const upstream = {
    request(_origin: string, _request: unknown, sink: Parameters<RouterIo["upstream"]["request"]>[2]) {
      queueMicrotask(() => {
        sink.head({ status: 200, header: () => null, entries: () => [] });
        sink.data(new TextEncoder().encode(`vllm:kv_cache_usage_perc{engine="0"} ${engine.usage}\n`));
        sink.end();
      });
      return { abort() {} };
    },
  };
  const roster = { prefill: [{ name: "prefill-0", worker: workerNamed("prefill-0"), window }], workerApiKey: null };
  const watch = makeWindowWatch({ upstream, roster, settings: { maxHandoffs } } as unknown as RouterIo, vllm.metrics);
  watch.close();
  return { engine, window, watch };
}

test("handoffs that fill prefill's KV cache shrink its window, and it grows again with the room", async () => {
  const { engine, window, watch } = watched(100, 40);
  engine.usage = 0.97;
  await watch.look();
  expect(window.places).toBe(30);
  engine.usage = 0.9;
  await watch.look();
  expect(window.places).toBe(30);
  engine.usage = 0.3;
  for (const places of [38, 48, 60]) {
    await watch.look();
    expect(window.places).toBe(places);
  }
  for (let i = 0; i < 9; i++) await watch.look();
  expect(window.places).toBe(100);
});

test("one handoff is always allowed", async () => {
  const { engine, window, watch } = watched(4, 2);
  engine.usage = 1;
  for (let i = 0; i < 5; i++) await watch.look();
  expect(window.places).toBe(1);
});

test("who waits for a place gets it when the window grows", async () => {
  const { window } = watched(1, 1);
  const waiting = window.queueUp()!;
  window.resize(2);
  expect(await waiting.admitted).toBe("admitted");
});
