// Bad manners on demand: every --sim-* flag that makes an engine misbehave does what it says.

import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engineState, metric, prefill, PROMPT, startPair, textOf } from "./pair.ts";
import { freePort, post, type Sim, spawnSim, startSim, TEST_LIMIT_MS, until } from "./start_sim.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const NIXL = { kv_connector: "NixlConnector" };
const STREAM = { prompt: "Hello", max_tokens: 5, temperature: 0, stream: true };

test("--sim-hang: no token comes, /health stays 200, and everything goes on when it ends", async () => {
  const sim = await startSim({ args: ["--sim-hang"] });
  const answer = post(sim, "/v1/completions", { prompt: "Hello", max_tokens: 2 });
  await until(async () => (await engineState(sim)).waiting === 1);
  expect((await fetch(`${sim.url}/health`)).status).toBe(200);
  await sim.setFaults({ hang: false });
  expect((await answer).status).toBe(200);
  await sim.stop();
});

test("--sim-ignore-kv-params: the decode side computes the prompt silently, with the right text", async () => {
  const pair = await startPair(NIXL, { decode: { args: ["--sim-ignore-kv-params"] } });
  const kv_transfer_params = await prefill(pair.P);
  expect(await textOf(pair.D, { kv_transfer_params })).toBe(await textOf(pair.P));
  expect(await metric(pair.D, "vllm:prompt_tokens_by_source_total", "local_compute")).toBe(PROMPT.length);
  await pair.stop();
});

test("--sim-fail-transfers: so many loads fail, the next one works", async () => {
  const pair = await startPair(NIXL, { decode: { args: ["--sim-fail-transfers", "1"] } });
  const statuses = [];
  for (let i = 0; i < 2; i++) {
    const kv_transfer_params = await prefill(pair.P);
    statuses.push((await post(pair.D, "/v1/completions", { prompt: PROMPT, kv_transfer_params })).status);
  }
  expect(statuses).toEqual([500, 200]);
  expect(await metric(pair.D, "vllm:nixl_num_failed_transfers_total")).toBe(1);
  await pair.stop();
});

test("--sim-error-requests: so many requests get the status, in vLLM's envelope", async () => {
  const sim = await startSim({ args: ["--sim-error-requests", "1", "--sim-error-status", "503"] });
  const first = await post(sim, "/v1/completions", { prompt: "Hello" });
  expect(first.status).toBe(503);
  expect(await first.json()).toMatchObject({ error: { type: "InternalServerError", code: 503 } });
  expect((await post(sim, "/v1/completions", { prompt: "Hello" })).status).toBe(200);
  await sim.stop();
});

test("--sim-exit-after-requests: the answer arrives, then the process is gone with exit code 0", async () => {
  const sim = await startSim({ args: ["--sim-exit-after-requests", "1"] });
  const answer = await post(sim, "/v1/completions", { prompt: "Hello", max_tokens: 2 });
  expect(await answer.json()).toMatchObject({ usage: { completion_tokens: 2 } });
  expect(await sim.exited).toBe(0);
});

test("--sim-die-after-tokens: the stream breaks and the process is gone", async () => {
  const sim = await startSim({ args: ["--sim-die-after-tokens", "2"] });
  expect(await streamed(sim)).toBe("broken");
  expect(await sim.exited).toBe(0);
});

test("--sim-cut-after-tokens: the stream breaks, the process lives", async () => {
  const sim = await startSim({ args: ["--sim-cut-after-tokens", "2"] });
  expect(await streamed(sim)).toBe("broken");
  await sim.setFaults({ cutAfterTokens: 0 });
  expect(await streamed(sim)).toEndWith("data: [DONE]\n\n");
  await sim.stop();
});

test("--sim-fail-log: the log is printed and the process ends with --sim-exit-code", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "sim-log-")), "vllm.log");
  writeFileSync(file, "torch.OutOfMemoryError: CUDA out of memory.\n");
  const sim = await spawnSim({ args: ["--sim-fail-log", file, "--sim-exit-code", "7"] });
  expect(await sim.exited).toBe(7);
  expect(sim.log()).toBe("torch.OutOfMemoryError: CUDA out of memory.\n");
});

test("--sim-fail-log with --sim-never-healthy: the log is printed and the process stays", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "sim-log-")), "vllm.log");
  writeFileSync(file, "ERROR in the worker\n");
  const sim = await spawnSim({ args: ["--sim-fail-log", file, "--sim-never-healthy"] });
  await until(() => sim.log() === "ERROR in the worker\n");
  sim.kill("SIGTERM");
  expect(await sim.exited).toBe(143);
});

test("--sim-never-healthy: the log goes as far as the engine, the port stays closed", async () => {
  const sim = await spawnSim({ args: ["--sim-never-healthy"] });
  await until(() => sim.log().includes("init engine"));
  expect(await fetch(`${sim.url}/health`).catch(() => "refused")).toBe("refused");
  await sim.stop();
});

test("--sim-load-ms: weights come in four shards", async () => {
  const sim = await startSim({ args: ["--sim-load-ms", "40"] });
  expect(sim.log()).toContain("Loading safetensors checkpoint shards:  50% Completed | 2/4 ");
  await sim.stop();
});

test("--sim-ignore-sigterm: only SIGKILL ends it", async () => {
  const sim = await startSim({ args: ["--sim-ignore-sigterm"] });
  sim.kill("SIGTERM");
  sim.kill("SIGINT");
  expect((await post(sim, "/v1/completions", { prompt: "Hello" })).status).toBe(200);
  sim.kill("SIGKILL");
  expect(await sim.exited).toBe(137);
});

for (const orphan of ["group", "session"]) {
  test(`--sim-orphan ${orphan}: a process survives SIGKILL of the engine and ignores SIGTERM`, async () => {
    const mark = `SIM_TEST_${orphan}_${await freePort()}`;
    const sim = await startSim({ args: ["--sim-orphan", orphan], env: { [mark]: "1" } });
    await until(() => marked(mark).length === 2);
    sim.kill("SIGKILL");
    await sim.exited;
    const [survivor] = marked(mark);
    process.kill(survivor!, "SIGTERM");
    expect(marked(mark)).toEqual([survivor!]);
    process.kill(survivor!, "SIGKILL");
  });
}

test("a taken NIXL side-channel port: the start hangs for ever and says so once", async () => {
  const sidePort = await freePort();
  const connector = { ...NIXL, kv_role: "kv_producer" };
  const first = await startSim({ sidePort, connector });
  const second = await spawnSim({ sidePort, connector });
  await until(() => second.log().includes("zmq.error.ZMQError"));
  expect(second.log()).toContain(`Address already in use (addr='tcp://127.0.0.1:${sidePort}')`);
  expect(await fetch(`${second.url}/health`).catch(() => "refused")).toBe("refused");
  await Promise.all([first.stop(), second.stop()]);
});

test("a taken HTTP port ends the start with exit code 1", async () => {
  const first = await startSim();
  const second = await spawnSim({ port: first.port });
  expect(await second.exited).toBe(1);
  expect(second.log()).toContain("OSError: [Errno 98] Address already in use");
  await first.stop();
});

async function streamed(sim: Sim): Promise<string> {
  return await (await post(sim, "/v1/completions", STREAM)).text().catch(() => "broken");
}

/** Live processes with this name in their environment. */
function marked(name: string): readonly number[] {
  const found = Bun.spawnSync(["sh", "-c", `grep -lz '^${name}=' /proc/[0-9]*/environ 2>/dev/null`]).stdout.toString();
  const pids = [...found.matchAll(/\/proc\/(\d+)\//g)].map(([, pid]) => Number(pid));
  const alive = (pid: number) =>
    !Bun.spawnSync(["ps", "-o", "stat=", "-p", String(pid)]).stdout.toString().startsWith("Z");
  return pids.filter((pid) => alive(pid) && /sleep|sim_entry/.test(commandOf(pid)));
}

function commandOf(pid: number): string {
  return Bun.spawnSync(["ps", "-o", "args=", "-p", String(pid)]).stdout.toString();
}
