// A settings file whose topology changes under a running fleet.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./plain_engine.ts";
import { type Finished, killRun, type RunningPdserve, runToEnd, startPdserve } from "./run_pdserve.ts";

setDefaultTimeout(60_000);

let folder = "";
let run: RunningPdserve;
let port = 0;

const write = (pd: string, decodeArgs = "--max-num-seqs, 64") =>
  writeFileSync(
    join(folder, "pdserve.yaml"),
    `model: demo-model
engine: { name: sim }
pd: ${pd}
router: { port: ${port} }
decode: { args: [${decodeArgs}] }
`,
  );

beforeAll(async () => {
  port = await freePort();
  folder = mkdtempSync(join(tmpdir(), "pdserve-topology-"));
  write("1P1D");
  run = await startPdserve(["--engine", "sim"], { cwd: folder, detached: true });
});

afterAll(() => {
  killRun(run.runId);
  rmSync(folder, { recursive: true, force: true });
});

const pdserve = (...words: string[]): Promise<Finished> =>
  runToEnd([...words, "--state-dir", join(run.runDir, "../..")], { cwd: folder });

interface Worker {
  readonly name: string;
  readonly state: string;
  readonly pid: number;
  readonly generation: number;
}

async function workers(): Promise<readonly Worker[]> {
  return JSON.parse((await pdserve("status", "-o", "json")).stdout).workers;
}

async function servingPair(): Promise<string> {
  const answer = await fetch(`${run.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "demo-model", prompt: "who serves this?", max_tokens: 2 }),
  });
  expect(answer.status).toBe(200);
  return `${answer.headers.get("x-pdserve-prefill")} ${answer.headers.get("x-pdserve-decode")}`;
}

test("reload starts the workers that are new, proves them, and gives them requests", async () => {
  const [prefill] = await workers();
  write("2P2D");
  const { stdout, exitCode } = await pdserve("reload");
  expect(exitCode).toBe(0);
  expect(stdout.trimEnd().split("\n").map((line) => line.replace(/ \(gpu .*/, "")).sort()).toEqual([
    "restart decode-0 (gpus 1 → 2)",
    "start decode-1",
    "start prefill-1",
  ]);
  const after = await workers();
  expect(after.map(({ name, state }) => `${name} ${state}`)).toEqual([
    "prefill-0 ready",
    "decode-0 ready",
    "prefill-1 ready",
    "decode-1 ready",
  ]);
  expect(after[0]?.pid).toBe(prefill!.pid);
  const used = new Set<string>();
  for (let request = 0; request < 40 && used.size < 4; request++) {
    for (const worker of (await servingPair()).split(" ")) used.add(worker);
  }
  expect([...used].sort()).toEqual(["decode-0", "decode-1", "prefill-0", "prefill-1"]);
});

test("a new worker that does not start is taken out again, and the others go on", async () => {
  const failing = join(import.meta.dir, "../fixtures/vllm-startup/maxlen_over_kv.log");
  const before = await workers();
  write("2P3D", `--sim-fail-log, ${JSON.stringify(failing)}`);
  const { stderr, exitCode } = await pdserve("reload");
  expect(exitCode).toBe(3);
  expect(stderr).toContain("every worker has its old one again");
  expect((await workers()).map(({ name, state }) => `${name} ${state}`)).toEqual(
    before.map(({ name }) => `${name} ready`),
  );
  await servingPair();
});

test("reload stops the workers that are not wanted any more, and one that comes back is a new generation", async () => {
  const gone = (await workers()).filter(({ name }) => name.endsWith("-1"));
  write("1P1D");
  expect((await pdserve("reload")).stdout.trimEnd().split("\n").sort()).toEqual([
    "restart decode-0 (gpus 2 → 1)",
    "stop decode-1",
    "stop prefill-1",
  ]);
  expect((await workers()).map(({ name }) => name)).toEqual(["prefill-0", "decode-0"]);
  expect(gone.filter(({ pid }) => existsSync(`/proc/${pid}`))).toEqual([]);
  expect(await servingPair()).toBe("prefill-0 decode-0");
  write("1P2D");
  await pdserve("reload");
  const back = (await workers()).find(({ name }) => name === "decode-1");
  expect(back).toMatchObject({ state: "ready" });
  expect(back!.generation).toBeGreaterThan(gone.find(({ name }) => name === "decode-1")!.generation);
});

test("a stop takes the workers with it that a reload has added", async () => {
  expect((await pdserve("stop")).exitCode).toBe(0);
  expect(await run.exited).toBe(0);
});
