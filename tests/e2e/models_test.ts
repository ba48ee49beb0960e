// Several models of one topology file in one process, on simulated engines.

import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binary, killRun, runToEnd, untilGone } from "./run_pdserve.ts";

const file = `
vllm:
  - name: policy
    server_groups: [{worker_type: prefill, num_gpus: 1}, {worker_type: decode, num_gpus: 1}]
  - name: judge
    model_path: org/judge
    server_groups: [{worker_type: regular, num_gpus: 1}]
`;

interface Models {
  readonly url: string;
  readonly models: Readonly<Record<string, string>>;
  readonly stateDir: string;
  readonly exited: Promise<number>;
  stop(): void;
  kill(): void;
}

let running: Models | null = null;
let folder = "";

afterEach(async () => {
  running?.stop();
  await running?.exited;
  for (const runId of running === null ? [] : runIdsOf(running)) killRun(runId);
  running = null;
  rmSync(folder, { recursive: true, force: true });
});

test(
  "each model has a listener of its own, and the shared one goes by the body's model or the entry's name",
  async () => {
    running = await startModels();
    expect(Object.keys(running.models)).toEqual(["policy", "judge"]);
    const answers = async (url: string, model: string) => {
      const { status, body, headers } = await ask(url, model);
      return [status, (body as { model?: string }).model, headers.get("x-pdserve-handoff")];
    };
    const byPolicy = [200, "org/policy", "NixlConnector"];
    const byJudge = [200, "org/judge", "none; reason=regular"];
    expect(await answers(running.models["policy"]!, "org/policy")).toEqual(byPolicy);
    expect(await answers(running.models["judge"]!, "org/judge")).toEqual(byJudge);
    for (const model of ["org/policy", "policy"]) expect(await answers(running.url, model)).toEqual(byPolicy);
    for (const model of ["org/judge", "judge"]) expect(await answers(running.url, model)).toEqual(byJudge);
  },
  60_000,
);

test("the shared listener lists all models, is healthy with all, and says what it lacks", async () => {
  running = await startModels();
  const { data } = await (await fetch(`${running.url}/v1/models`)).json() as { data: { id: string }[] };
  expect(data.map(({ id }) => id)).toEqual(["org/policy", "org/judge"]);
  expect((await fetch(`${running.url}/health`)).status).toBe(200);
  const stranger = await ask(running.url, "org/other");
  expect(stranger).toMatchObject({ status: 404, body: { error: { src: "pdserve" } } });
  expect(JSON.stringify(stranger.body)).toContain("policy, org/policy, judge, org/judge");
  const nameless = await fetch(`${running.url}/v1/completions`, { method: "POST", body: '{"prompt":"x"}' });
  expect([nameless.status, (await nameless.json() as { error: { param: string } }).error.param]).toEqual([
    400,
    "model",
  ]);
}, 60_000);

test("stopping ends all models and leaves no process behind", async () => {
  running = await startModels();
  const runIds = runIdsOf(running);
  expect(runIds).toHaveLength(2);
  running.stop();
  expect(await running.exited).toBe(0);
  for (const runId of runIds) await untilGone(runId);
}, 60_000);

test("SIGKILL leaves no process of any model", async () => {
  running = await startModels();
  const runIds = runIdsOf(running);
  running.kill();
  await running.exited;
  for (const runId of runIds) await untilGone(runId);
}, 60_000);

test("a mistake in one model is told before any starts", async () => {
  folder = mkdtempSync(join(tmpdir(), "models-"));
  writeFileSync(join(folder, "bad.yaml"), file.replace("num_gpus: 1}]\n", "num_gpus: 0}]\n"));
  const { exitCode, stderr } = await runToEnd([...line("bad.yaml"), "--port", "0"], { cwd: folder });
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining("bad.yaml:4")]);
});

test("a plan is of one model, and says how to choose it", async () => {
  folder = mkdtempSync(join(tmpdir(), "models-"));
  writeFileSync(join(folder, "models.yaml"), file);
  const { exitCode, stderr } = await runToEnd(["plan", ...line("models.yaml")], { cwd: folder });
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining("--model-entry policy")]);
});

function line(path: string): string[] {
  return ["org/policy", "--engine", "sim", "--vllm-config", path, "--model-entry", "all"];
}

async function startModels(): Promise<Models> {
  folder = mkdtempSync(join(tmpdir(), "models-"));
  writeFileSync(join(folder, "models.yaml"), file);
  const stateDir = join(folder, "state");
  const child = Bun.spawn([binary, ...line("models.yaml"), "--port", "0", "--state-dir", stateDir], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const told = new Response(child.stderr).text();
  const map = await firstLine(child.stdout);
  if (map === null) throw new Error(`pdserve ended before all models served; it said:\n${await told}`);
  return {
    ...JSON.parse(map),
    stateDir,
    exited: child.exited,
    stop: () => child.kill("SIGTERM"),
    kill: () => child.kill("SIGKILL"),
  };
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string | null> {
  let text = "";
  for await (const chunk of stream) {
    text += new TextDecoder().decode(chunk);
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  return null;
}

async function ask(url: string, model: string) {
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, prompt: "Say something, please, and take your time", max_tokens: 4 }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() as unknown };
}

function runIdsOf({ stateDir }: Models): readonly string[] {
  const runs = join(stateDir, "runs");
  return readdirSync(runs, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) =>
    JSON.parse(readFileSync(join(runs, name, "run.json"), "utf8")).run_id as string
  );
}
