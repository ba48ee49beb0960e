// Every recorded failing start of a real vLLM, acted by a process that writes the same log and ends, or hangs, as vLLM did: the whole
// way from the pipe to the block on the screen.

import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { failureBlock } from "../../cli/render/failure_block.ts";
import { paintFor } from "../../cli/render/color.ts";
import { makeEventStream } from "../../supervisor/event_stream.ts";
import type { WorkerFailure } from "../../supervisor/events.ts";
import { startFleet } from "../../supervisor/fleet.ts";
import { engines } from "../../supervisor/engines/index.ts";
import { killNow } from "../../supervisor/kill_tree.ts";
import { newRunId } from "../../supervisor/run_identity.ts";
import { spawnWorker } from "../../supervisor/spawn.ts";
import { livingOf } from "./run_program.ts";
import { fleetDeps, fleetPlan, withFreePorts } from "./small_fleet.ts";
import { expectedStarts, startEvidence } from "./vllm_evidence.ts";

setDefaultTimeout(60_000);

const runIds: string[] = [];
afterEach(() => {
  for (const runId of runIds.splice(0)) killNow(() => livingOf(runId), 5_000);
});

const told = Object.entries(expectedStarts).filter(([, { rule }]) => rule !== null);

/** The recording without the lines that tell how it was made, as the engine wrote it. */
const script = `grep -vE '^(>>>|<<<|###|\\.\\.\\.$)' "$0"; if [ "$1" = hangs ]; then exec sleep 600; fi; exit "$1"`;

async function failureOf(name: string): Promise<WorkerFailure> {
  const { exitCode, argv = [] } = startEvidence(name);
  const plan = fleetPlan(await withFreePorts(["decode-0"]));
  const workers = plan.workers.map((worker) => ({ ...worker, gpus: ["3"], argv: [...argv] }));
  const runId = newRunId();
  runIds.push(runId);
  const events = makeEventStream();
  const failed = Promise.withResolvers<WorkerFailure>();
  events.subscribe((event) => event.type === "failed" && failed.resolve(event.failure));
  const file = join(import.meta.dir, `../fixtures/vllm-startup/${name}.log`);
  const fleet = startFleet({ ...plan, workers }, {
    ...fleetDeps(),
    engine: engines.vllm,
    identity: { runId, initPid: process.pid },
    events,
    spawn: (command) =>
      spawnWorker({ ...command, argv: ["sh", "-c", script, file, exitCode === null ? "hangs" : String(exitCode)] }),
  });
  const failure = await failed.promise;
  expect(await fleet.done).toBe(1);
  return failure;
}

for (const [name, { rule, why, fix }] of told) {
  test(`a start that fails as ${name} prints its cause and what to do`, async () => {
    const failure = await failureOf(name);
    expect(failure.diagnosis).toMatchObject({ rule: rule ?? "", why, fix });
    const block = failureBlock(failure, null, { columns: Infinity, paint: paintFor(false) }).join("\n");
    expect(block).toContain(`Why   ${why}`);
    expect(block).toContain(`Fix   ${fix}`);
    expect(block).toContain("▶ ");
  });
}
