import { expect, test } from "bun:test";
import type { Clock } from "../../supervisor/clock.ts";
import { vllm } from "../../supervisor/engines/vllm.ts";
import type { Fetch } from "../../supervisor/probe.ts";
import { type ProgressIo, untilHung } from "../../supervisor/watch_progress.ts";

/** Time that passes whenever somebody waits for it. */
function jumpingClock(): Clock {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    at(timeMs, call) {
      queueMicrotask(() => {
        nowMs = Math.max(nowMs, timeMs);
        call();
      });
      return () => {};
    },
  };
}

interface Engine {
  readonly busy: number;
  readonly answers?: boolean;
  readonly counters: () => number;
  readonly running?: number;
  readonly givesToken?: boolean;
}

function watch(engine: Engine, changes: Partial<ProgressIo> = {}, looks = 1_000) {
  const stop = new AbortController();
  let asked = 0;
  const fetch: Fetch = (url) => {
    if (++asked > looks) stop.abort();
    if (engine.answers === false) return Promise.reject(new Error("no answer"));
    if (url.endsWith("/v1/completions")) {
      return engine.givesToken ? Promise.resolve(new Response("{}")) : Promise.reject(new Error("timeout"));
    }
    const { generationTokens, running } = vllm.metrics;
    return Promise.resolve(
      new Response(`${generationTokens}_total ${engine.counters()}\n${running} ${engine.running ?? 0}\n`),
    );
  };
  const io = {
    fetch,
    clock: jumpingClock(),
    apiKey: null,
    probePath: "/health",
    metrics: vllm.metrics,
    busy: () => engine.busy,
  };
  return untilHung("http://worker", { ...io, model: "m", limitMs: 60_000, ...changes }, stop.signal);
}

const still = () => 7;
const growing = () => {
  let tokens = 0;
  return () => tokens++;
};

test("untilHung() finds an engine that has requests, whose counters stand still and which gives no token", async () => {
  expect(await watch({ busy: 1, counters: still })).toBe("hung");
});

test("untilHung() finds a worker that answers nothing, with requests and without", async () => {
  expect(await watch({ busy: 0, counters: still, answers: false })).toBe("silent");
  expect(await watch({ busy: 3, counters: still, answers: false })).toBe("silent");
});

test("untilHung() leaves an engine alone that works, that idles, or whose clients are slow", async () => {
  expect(await watch({ busy: 1, counters: growing() })).toBeNull();
  expect(await watch({ busy: 0, counters: still })).toBeNull();
  expect(await watch({ busy: 1, counters: still, givesToken: true })).toBeNull();
});

test("untilHung() of a worker that must not be asked alone trusts its own count of running requests", async () => {
  expect(await watch({ busy: 1, counters: still, running: 2 }, { model: null })).toBe("hung");
  expect(await watch({ busy: 1, counters: still, running: 0 }, { model: null })).toBeNull();
});

test("V37: a worker that a trainer holds does not hang, whatever its counters say, and may hang afterwards", async () => {
  let looks = 0;
  const engine = { busy: 1, counters: still, running: 1 };
  expect(await watch(engine, { isHeld: () => ++looks < 50 })).toBe("hung");
  expect(looks).toBeGreaterThan(50);
});
