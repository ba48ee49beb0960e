// The verbs that speak to a running pdserve, as a user types them.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./plain_engine.ts";
import { type Finished, killRun, processesOf, type RunningPdserve, runToEnd, startPdserve } from "./run_pdserve.ts";

setDefaultTimeout(60_000);

let folder = "";
let run: RunningPdserve;

const settings = (maxSeqs: number, queue: number) =>
  `model: demo-model
engine: { name: sim }
router: { port: ${port} }
limits: { queue: ${queue} }
decode: { args: [--max-num-seqs, ${maxSeqs}] }
`;
let port = 0;

beforeAll(async () => {
  port = await freePort();
  folder = mkdtempSync(join(tmpdir(), "pdserve-verbs-"));
  writeFileSync(join(folder, "pdserve.yaml"), settings(64, 100));
  run = await startPdserve(["--pd", "1P2D", "--name", "verbs", "--engine", "sim"], { cwd: folder, detached: true });
});

afterAll(() => {
  killRun(run.runId);
  rmSync(folder, { recursive: true, force: true });
});

const pdserve = (...words: string[]): Promise<Finished> =>
  runToEnd([...words, "--state-dir", join(run.runDir, "../..")], { cwd: folder });

interface Status {
  readonly verdict: string;
  readonly workers: readonly { readonly name: string; readonly state: string; readonly generation: number }[];
}

const status = async (): Promise<Status> => JSON.parse((await pdserve("status", "-o", "json")).stdout);
const generationOf = async (name: string) => (await status()).workers.find((one) => one.name === name)?.generation;

test("status shows a verdict and a line for each worker, and exits 0 when all serve", async () => {
  const { stdout, exitCode } = await pdserve("status");
  expect(exitCode).toBe(0);
  const lines = stdout.trimEnd().split("\n");
  expect(lines[0]).toStartWith("READY  1P2D · NixlConnector · 0 in flight · 0 waiting");
  expect(lines.slice(2).map((line) => line.split(/\s+/).slice(0, 4).join(" "))).toEqual([
    "prefill-0 prefill 0 ready",
    "decode-0 decode 1 ready",
    "decode-1 decode 2 ready",
  ]);
});

test("a drained worker gets nothing, status exits 3 meanwhile, and undrain takes it back", async () => {
  expect((await pdserve("drain", "decode-1")).exitCode).toBe(0);
  const degraded = await pdserve("status");
  expect(degraded).toMatchObject({ exitCode: 3 });
  expect(degraded.stdout).toContain("decode-1 is draining");
  for (let n = 0; n < 4; n++) {
    const answer = await fetch(`${run.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "demo-model", prompt: `to decode-0, the ${n}th`, max_tokens: 2 }),
    });
    expect(answer.status).toBe(200);
    expect(await answer.text()).not.toBe("");
  }
  const { stdout } = await pdserve("logs", "decode-1", "--since", "1h", "--grep", "POST /v1/completions");
  expect(stdout.trimEnd().split("\n").length).toBe(1);
  expect((await pdserve("undrain", "decode-1")).exitCode).toBe(0);
  expect((await status()).verdict).toBe("ready");
});

test("restart replaces the process of one worker and is back when that serves", async () => {
  const { stdout, exitCode } = await pdserve("restart", "decode-0");
  expect(exitCode).toBe(0);
  expect(stdout).toStartWith("decode-0 restarted, proven, serving");
  expect(await generationOf("decode-0")).toBe(2);
  expect(await generationOf("decode-1")).toBe(1);
});

test("an unknown worker, and none at all, are told with what is right", async () => {
  const unknown = await pdserve("restart", "decod-1");
  expect(unknown.exitCode).toBe(2);
  expect(unknown.stderr).toContain("did you mean decode-1?");
  expect((await pdserve("logs", "prefil-0")).stderr).toContain("pdserve logs prefill-0");
  expect((await pdserve("drain")).stderr).toContain("Name a worker");
});

test("logs are of one worker without its name, of several with it, and as JSON with the time", async () => {
  const one = await pdserve("logs", "prefill-0", "-n", "1");
  expect(one.stdout).not.toContain("prefill-0 | ");
  const all = await pdserve("logs", "-n", "1");
  expect(all.stdout.split("\n").map((line) => line.split(" | ")[0]).sort()).toEqual(
    ["", "decode-0", "decode-1", "prefill-0"],
  );
  const json = JSON.parse((await pdserve("logs", "prefill-0", "-n", "1", "--json")).stdout);
  expect(json.worker).toBe("prefill-0");
  expect(Date.parse(json.at)).toBeGreaterThan(0);
  expect((await pdserve("logs", "--grep", "(")).exitCode).toBe(2);
});

test("reload restarts only the workers whose command lines differ, one at a time, and says so", async () => {
  expect((await pdserve("reload")).stdout).toBe("nothing changed\n");
  writeFileSync(join(folder, "pdserve.yaml"), settings(32, 50));
  const [before, prefill] = [run.events.length, await generationOf("prefill-0")];
  const { stdout, exitCode } = await pdserve("reload");
  expect(exitCode).toBe(0);
  expect(stdout.trimEnd().split("\n")).toEqual([
    "restart decode-0 (max-num-seqs 64 → 32)",
    "restart decode-1 (max-num-seqs 64 → 32)",
    "router: --max-queue 100 → 50",
  ]);
  expect(await generationOf("prefill-0")).toBe(prefill);
  const steps = run.events.slice(before).filter(({ type, state }) =>
    type === "worker" && (state === "stopped" || state === "ready")
  );
  expect(steps.map(({ name, state }) => `${name} ${state}`)).toEqual([
    "decode-0 stopped",
    "decode-0 ready",
    "decode-1 stopped",
    "decode-1 ready",
  ]);
  expect(readFileSync(join(run.runDir, "plan.json"), "utf8")).toMatch(/"--max-num-seqs",\s+"32"/);
});

test("SIGHUP reloads a run that has no terminal", async () => {
  writeFileSync(join(folder, "pdserve.yaml"), settings(32, 40));
  const before = run.events.length;
  process.kill(run.initPid, "SIGHUP");
  const reloaded = await run.waitFor((event) => event.type === "reloaded" && run.events.indexOf(event) >= before);
  expect(reloaded["changes"]).toEqual(["router: --max-queue 50 → 40"]);
  writeFileSync(join(folder, "pdserve.yaml"), settings(32, 50));
  expect((await pdserve("reload")).stdout).toBe("router: --max-queue 40 → 50\n");
});

test("a reload whose new plan fails gives every worker its old one again", async () => {
  const failing = join(import.meta.dir, "../fixtures/vllm-startup/maxlen_over_kv.log");
  writeFileSync(
    join(folder, "pdserve.yaml"),
    settings(32, 50).replace(", 32]", `, 32, --sim-fail-log, ${JSON.stringify(failing)}]`),
  );
  const { stderr, exitCode } = await pdserve("reload");
  expect(exitCode).toBe(3);
  expect(stderr).toContain("every worker has its old one again");
  expect(stderr).toContain("--max-model-len 448");
  expect((await status()).verdict).toBe("ready");
  writeFileSync(join(folder, "pdserve.yaml"), settings(32, 50));
  expect((await pdserve("reload")).stdout).toBe("nothing changed\n");
});

test("a reload that a running fleet cannot follow is refused before anything stops", async () => {
  writeFileSync(join(folder, "pdserve.yaml"), settings(32, 50).replace("demo-model", "other-model"));
  const { stderr, exitCode } = await pdserve("reload");
  expect(exitCode).toBe(2);
  expect(stderr).toContain("other-model instead of demo-model");
  expect((await status()).verdict).toBe("ready");
});

test("--name that no run has, and a flag nobody knows, are told", async () => {
  expect((await pdserve("status", "--name", "verb")).stderr).toContain("--name verbs");
  expect((await pdserve("status", "--wach")).stderr).toContain("--watch");
});

test("wait prints the URL of a run that serves", async () => {
  expect(await pdserve("wait")).toMatchObject({ exitCode: 0, stdout: `${run.url}\n` });
});

test("stop drains and comes back when nothing is left; then every verb exits 4 and says how to start", async () => {
  const logs = pdserve("logs", "-f", "decode-1", "--grep", "shutdown");
  expect(await pdserve("stop")).toMatchObject({ exitCode: 0, stdout: "verbs stopped\n" });
  expect(await run.exited).toBe(0);
  expect(processesOf(run.runId)).toEqual([]);
  expect((await logs).exitCode).toBe(0);
  for (const verb of ["status", "restart", "drain", "stop", "reload", "wait"]) {
    const { exitCode, stderr } = await pdserve(verb);
    expect([verb, exitCode]).toEqual([verb, 4]);
    expect(stderr).toContain("pdserve MODEL starts one");
  }
  expect((await pdserve("logs", "decode-1", "-n", "1")).stdout).toContain("Application shutdown complete");
});
