import { expect, test } from "bun:test";
import { makeHealthProbe } from "../../router/health_probe.ts";
import type { RouterIo } from "../../router/router_io.ts";
import { makeWorkerHealth } from "../../router/worker_health.ts";
import { workerNamed } from "./fake_fleet.ts";

function probing(status: () => number | null) {
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
  const probe = makeHealthProbe({ upstream, roster, health } as unknown as RouterIo);
  probe.close();
  return { health, probe };
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
