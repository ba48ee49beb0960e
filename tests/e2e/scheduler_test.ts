// J8: a pdjob's own proxy runs in front of the workers, comes back when it dies, and goes with the run.

import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./plain_engine.ts";
import { killRun, processesOf, type RunningPdserve, startPdserve } from "./run_pdserve.ts";

let running: RunningPdserve | null = null;

afterEach(() => {
  if (running !== null) killRun(running.runId);
  running = null;
});

const proxy = join(import.meta.dir, "small_proxy.ts");

function job(port: number, command: string): string {
  const kv = (role: string) => `kv_transfer_config: '{"kv_connector":"NixlConnector","kv_role":"${role}"}'`;
  return `num_gpus: 2
gpus_per_worker: 1
scheduler: {port: ${port}, command: "${command}"}
general: {params: {model: demo-model}}
prefill: {num_gpus: 1, replicas: 1, params: {${kv("kv_producer")}}}
decode: {num_gpus: 1, replicas: 1, params: {${kv("kv_consumer")}}}
`;
}

async function start(command: string): Promise<RunningPdserve> {
  const file = join(mkdtempSync(join(tmpdir(), "pdserve-job-")), "job.yaml");
  writeFileSync(file, job(await freePort(), command));
  const line = ["pdjob", `--config=${file}`, "--engine", "sim", "--port", String(await freePort())];
  return running = await startPdserve(line);
}

const listens = (run: RunningPdserve, from: number) =>
  run.waitFor((event) => event.type === "listening" && event["url"] === run.url && run.events.indexOf(event) >= from);

const ask = (url: string) =>
  fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "demo-model", prompt: "one two three", max_tokens: 4 }),
  });

test(
  "J8: an unknown scheduler.command is run once the workers are ready, serves at the run's URL, and is started again",
  async () => {
    const run = await start(`${process.execPath} run ${proxy} {PORT} $PREFILL_URL_1 $DECODE_URL_1`);
    await listens(run, 0);
    const served = await ask(run.url);
    expect([served.status, served.headers.get("x-proxy")]).toEqual([200, "small"]);
    expect((await served.json() as { usage: { completion_tokens: number } }).usage.completion_tokens).toBe(4);

    const from = run.events.length;
    process.kill(Number(await (await fetch(run.url)).text()), "SIGKILL");
    const failed = await run.waitFor((event) => event.type === "failed");
    expect(failed).toMatchObject({ worker: "scheduler" });
    await listens(run, from);
    expect((await ask(run.url)).status).toBe(200);
    expect(readFileSync(join(run.runDir, "logs/scheduler.log"), "utf8")).toContain("the small proxy listens");

    expect(await run.stop()).toBe(0);
    expect(processesOf(run.runId)).toEqual([]);
  },
  60_000,
);

test(
  "J8: a command that cannot be started is told, and the workers serve by pdserve's own router meanwhile",
  async () => {
    const run = await start("no-such-proxy --port {PORT}");
    const failed = await run.waitFor((event) => event.type === "failed");
    expect(failed).toMatchObject({
      worker: "scheduler",
      diagnosis: { what: expect.stringContaining("cannot be started") },
    });
    const own = run.events.find((event) => event.type === "listening")?.["url"];
    expect((await ask(String(own))).status).toBe(200);
    expect(await run.stop()).toBe(0);
  },
  60_000,
);
