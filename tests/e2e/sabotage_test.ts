// Wiring that answers but does not hand over: the start is refused and the reason is named.

import { expect, test } from "bun:test";
import { freePort } from "./plain_engine.ts";
import { runToEnd } from "./run_pdserve.ts";

test("decode that ignores kv_transfer_params is refused at start, by name and cause", async () => {
  const port = String(await freePort());
  const run = await runToEnd([
    "demo-model",
    "--engine",
    "sim",
    "--pd",
    "1P1D",
    "--port",
    port,
    "--progress",
    "plain",
    "--decode.sim-ignore-kv-params",
    "true",
  ]);
  expect(run.exitCode).toBe(1);
  expect(run.stderr).toContain("decode-0");
  expect(run.stderr).toContain("kv_transfer_params");
  expect(run.stderr).toContain("Fix");
}, 30_000);
