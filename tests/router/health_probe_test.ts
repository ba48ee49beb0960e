import { expect, test } from "bun:test";
import { makeHealthProbe } from "../../router/health_probe.ts";
import type { RouterIo } from "../../router/router_io.ts";
import { makeWorkerHealth } from "../../router/worker_health.ts";
import { workerNamed } from "./fake_fleet.ts";

function probing(status: () => number | null, firstWaitMs = 0, clock = { nowMs: 0 }) {
  const health = makeWorkerHealth(() => 0);
  const slot = { name: "decode-0", worker: workerNamed("decode-0") };
  const upstream = {
    request(_origin: string, _request: unknown, sink: Parameters<RouterIo["upstream"]["request"]>[2]) {
      const code = status();
      queueMicrotask(() => {
        if (code === null) return sink.fail({ is: "refused", message: "no", answered: false });
        sink.head({ status: code, header: () => null, entries: () => [] });
        sink.end();
      });
      return { abort() {} };
    },
  };
  const roster = { phase: "serving", prefill: [], decode: [slot], regular: [], workerApiKey: null };
  const settings = { probe: { intervalMs: 5_000, timeoutMs: 5_000, firstWaitMs } };
  const weights = { isHeld: false };
  const io = { upstream, roster, health, settings, weights, now: () => clock.nowMs };
  const probe = makeHealthProbe(io as unknown as RouterIo);
  probe.close();
  return { health, probe, slot, weights };
}

test("a worker that does not answer probes is left alone before a request meets it, and is back with the first answer", async () => {
  let code: number | null = null;
  const { health, probe } = probing(() => code);
  await probe.look();
  expect(health.avoids("decode-0")).toBe(false);
  await probe.look();
  expect(health.avoids("decode-0")).toBe(true);
  code = 200;
  await probe.look();
  expect(health.avoids("decode-0")).toBe(false);
});

test("an engine that says 503 on /health is as good as gone; a worker without that route is not", async () => {
  let code = 503;
  const { health, probe } = probing(() => code);
  for (let i = 0; i < 2; i++) await probe.look();
  expect(health.avoids("decode-0")).toBe(true);
  code = 404;
  await probe.look();
  expect(health.avoids("decode-0")).toBe(false);
});

test("V35: a worker is not asked before its first wait is over, and its next process gets one of its own", async () => {
  const clock = { nowMs: 0 };
  const { health, probe, slot } = probing(() => null, 10_000, clock);
  const lookAt = async (nowMs: number) => {
    clock.nowMs = nowMs;
    await probe.look();
    await probe.look();
    return health.avoids("decode-0");
  };
  expect([await lookAt(0), await lookAt(9_999), await lookAt(10_000)]).toEqual([false, false, true]);
  health.praise(null, "decode-0");
  slot.worker = { ...slot.worker, generation: 2 };
  expect([await lookAt(11_000), await lookAt(20_999), await lookAt(21_000)]).toEqual([false, false, true]);
});

test("V37: engines that a trainer holds are not asked: they may not answer, and are well", async () => {
  const { health, probe, weights } = probing(() => null);
  weights.isHeld = true;
  await probe.look();
  await probe.look();
  expect(health.avoids("decode-0")).toBe(false);
});
