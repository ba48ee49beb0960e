// The official npm clients see the same of pdserve as of one engine.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { clientCases } from "./clients.ts";
import { type PlainEngine, startPlainEngine } from "./plain_engine.ts";
import { killRun, type RunningPdserve, startPdserve } from "./run_pdserve.ts";

const model = "demo-model";
let plain: PlainEngine;
let pdserve: RunningPdserve;

beforeAll(async () => {
  plain = await startPlainEngine(model);
  pdserve = await startPdserve([
    ...[model, "--engine", "sim", "--port", "0"],
    ...["--prefill-gpus", "0", "--decode-gpus", "1"],
  ]);
}, 60_000);

afterAll(async () => {
  await plain?.stop();
  if (pdserve === undefined) return;
  await pdserve.stop();
  killRun(pdserve.runId);
}, 60_000);

for (const { client, name, status, ask } of clientCases) {
  test(`${client}: ${name} looks the same through pdserve as from one engine`, async () => {
    const split = await ask({ url: pdserve.url, model });
    expect(split.status).toBe(status);
    expect(split).toEqual(await ask({ url: plain.url, model }));
  });
}
