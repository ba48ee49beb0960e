// Who of a worker's processes is told to stop.

import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import type { Engine } from "../../supervisor/engines/engine.ts";
import { killNow } from "../../supervisor/kill_tree.ts";
import { newRunId } from "../../supervisor/run_identity.ts";
import { spawnWorker } from "../../supervisor/spawn.ts";
import { startProcess } from "../../supervisor/worker_process.ts";
import { livingOf } from "./run_program.ts";
import { fleetPlan } from "./small_fleet.ts";

setDefaultTimeout(60_000);

const runIds: string[] = [];
afterEach(() => {
  for (const runId of runIds.splice(0)) killNow(() => livingOf(runId), 5_000);
});

/** The child tells when it is told; the leader then takes it down, and itself. */
const family = `
(trap 'echo child told' TERM; echo up; while :; do sleep 0.05; done) & child=$!
trap 'echo leader told; sleep 0.3; kill -9 $child; exit 0' TERM
while :; do sleep 0.05; done`;

async function toldOf(stop: Engine["stop"]): Promise<readonly string[]> {
  const runId = newRunId();
  runIds.push(runId);
  const worker = { ...fleetPlan(["decode-0:1"]).workers[0]!, argv: ["sh", "-c", family] };
  let output = "";
  const up = Promise.withResolvers<void>();
  const started = startProcess(worker, 1, (chunk) => {
    output += new TextDecoder().decode(chunk);
    if (output.includes("up")) up.resolve();
  }, {
    identity: { runId, initPid: process.pid },
    env: process.env,
    apiKey: null,
    clock: { nowMs: () => performance.now() } as never,
    spawn: spawnWorker,
    gpuHolders: () => Promise.resolve(null),
  });
  if (started.is !== "started") throw new Error("the family did not start");
  await up.promise;
  started.process.terminate(stop);
  await started.process.exited;
  await started.process.outputEnded;
  return output.split("\n").filter((line) => line.endsWith("told")).sort();
}

test("a stop reaches all of a worker's processes", async () => {
  expect(await toldOf({ signal: "SIGTERM", graceMs: 1 })).toEqual(["child told", "leader told"]);
});

test("a stop for the leader alone reaches no other: a child that ends by itself looks like a crash to SGLang", async () => {
  expect(await toldOf({ signal: "SIGTERM", graceMs: 1, only: "leader" })).toEqual(["leader told"]);
});
