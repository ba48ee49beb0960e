// A real vLLM whose NIXL side-channel port is taken while it starts: by itself it would hang for ever, its /health silent.

import { expect, test } from "bun:test";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { freePort } from "../e2e/plain_engine.ts";
import { killRun, processesOf, startPdserve } from "../e2e/run_pdserve.ts";
import { model, vllm } from "./real_pair.ts";

interface Plan {
  readonly workers: readonly { readonly name: string; readonly ports: { readonly side_channel: number } }[];
}

test("a taken side-channel port is diagnosed by its number, and the run ends with nothing left", async () => {
  const port = String(await freePort());
  const pair = [model, "--device", "cpu", "--pd", "1P1D", "--port", port, "--fail-fast", "--enforce-eager"];
  const run = await startPdserve(pair, { env: { PATH: `${dirname(vllm)}:${process.env["PATH"]}` }, until: "started" });
  const { workers }: Plan = JSON.parse(readFileSync(join(run.runDir, "plan.json"), "utf8"));
  const sideChannel = workers.find(({ name }) => name === "prefill-0")!.ports.side_channel;
  // Shared with pdserve's hold, which keeps the port until the worker takes it; the worker cannot share.
  const thief = createServer().listen({ host: "127.0.0.1", port: sideChannel, reusePort: true });
  await once(thief, "listening");
  try {
    const failed = await run.waitFor((event) => event.type === "failed");
    expect(failed).toMatchObject({ worker: "prefill-0" });
    expect(JSON.stringify(failed["diagnosis"])).toContain(String(sideChannel));
    expect(await run.exited).toBe(1);
    expect(processesOf(run.runId)).toEqual([]);
  } finally {
    thief.close();
    killRun(run.runId);
  }
}, 600_000);
