// Several router processes on one port are one router to clients and operators: limits, quarantine, KV handles, numbers and
// orders are those of all, and whatever ends one or all of them leaves nothing behind.

import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ask, type Asked, askStream, completion, metric, pidsOf, untilMetric } from "./ask_fresh.ts";
import { freePort } from "./plain_engine.ts";
import { killRun, processesOf, type RunningPdserve, startPdserve, untilGone } from "./run_pdserve.ts";

let running: RunningPdserve | null = null;
let worker: { stop(): unknown } | null = null;

afterEach(() => {
  if (running !== null) killRun(running.runId);
  worker?.stop();
  running = worker = null;
});

/** Resolves once all processes serve. */
async function start(processes: number, ...args: string[]): Promise<RunningPdserve> {
  const port = String(await freePort());
  running = await startPdserve(["--router-procs", String(processes), "--port", port, ...args]);
  if (processes > 1) await untilMetric(running.url, "pdserve_router_processes", processes);
  return running;
}

const simulated = (processes: number, ...args: string[]) =>
  start(processes, "demo-model", "--engine", "sim", "--pd", "1P1D", ...args);

const many = <T>(count: number, make: (n: number) => T) => Array.from({ length: count }, (_, n) => make(n));
const statuses = (asked: readonly Asked[]) => [...new Set(asked.map(({ status }) => status))];

/** Counts how many requests it has at once. */
function startWorker(answer: (n: number) => Promise<Response>) {
  const seen = { now: 0, most: 0, requests: 0 };
  const server = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0 },
    async fetch(request) {
      if (request.method === "GET") return Response.json({ object: "list", data: [{ id: "m" }] });
      seen.most = Math.max(seen.most, ++seen.now);
      await request.text();
      try {
        return await answer(seen.requests++);
      } finally {
        seen.now--;
      }
    },
  });
  worker = { stop: () => server.stop(true) };
  return { seen, url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) };
}

for (const processes of [2, 4]) {
  test(`${processes} processes: as many requests at once as one may have, and as one worker may`, async () => {
    const { seen, url } = startWorker(async () => {
      await Bun.sleep(10);
      return Response.json({ id: "x", object: "text_completion", choices: [] });
    });
    const run = await start(processes, "--regular", url, "--max-in-flight", "5", "--max-worker-in-flight", "3");
    const asked = await Promise.all(many(90, () => ask(run.url, "/v1/completions", { body: completion() })));
    expect(statuses(asked)).toEqual([200]);
    expect(seen).toEqual({ now: 0, most: 3, requests: 90 });
    expect(await metric(run.url, 'pdserve_requests_total{path="/v1/completions",code="200",end="complete"}')).toBe(90);
    expect(await metric(run.url, "pdserve_time_to_first_token_seconds_count")).toBe(90);
    expect(await metric(run.url, "pdserve_in_flight")).toBe(0);
  }, 60_000);

  test(`${processes} processes: a worker in quarantine is left alone by all`, async () => {
    const good = startWorker(() => Promise.resolve(Response.json({ id: "x", object: "text_completion", choices: [] })));
    const stopGood = good.stop;
    const bad = startWorker(() => Promise.resolve(new Response("broken", { status: 500 })));
    const both = { stop: () => [stopGood(), bad.stop()] };
    worker = both;
    const run = await start(processes, "--regular", bad.url, "--regular", good.url, "--quarantine-pause", "10m");
    for (let n = 0; n < 12 * processes; n++) {
      expect((await ask(run.url, "/v1/completions", { body: completion() })).status).toBe(200);
    }
    expect(bad.seen.requests).toBe(2);
    expect(await metric(run.url, 'pdserve_avoided{who="regular-0"}')).toBe(1);
  }, 60_000);

  test(`${processes} processes: after load every KV handle has ended, and every request is counted`, async () => {
    const run = await simulated(processes, "--max-handoffs", "4");
    const before = await metric(run.url, 'pdserve_kv_handles{state="done"}');
    const asked = await Promise.all(many(120, () => ask(run.url, "/v1/completions", { body: completion() })));
    expect(statuses(asked)).toEqual([200]);
    const states = ["opened", "spent", "failed", "expired", "released", "leaked"];
    const left = await Promise.all(states.map((state) => metric(run.url, `pdserve_kv_handles{state="${state}"}`)));
    expect(left).toEqual(states.map(() => 0));
    expect(await metric(run.url, 'pdserve_kv_handles{state="done"}')).toBe(before + 120);
    expect(await metric(run.url, 'pdserve_requests_total{path="/v1/completions",code="200",end="complete"}')).toBe(
      before + 120,
    );
  }, 60_000);

  test(`${processes} processes: one that is killed is settled and replaced, and the port goes on serving`, async () => {
    const run = await simulated(processes, "--no-canary", "--", "--sim-decode-ms-per-token", "20");
    const streams = many(40, () => askStream(run.url, completion({ max_tokens: 100, stream: true })));
    await Promise.all(streams.map(({ begun }) => begun));
    process.kill(pidsOf(run.corePid, "__router")[0]!, "SIGKILL");
    const ends = await Promise.all(streams.map(({ ended }) => ended));
    const broken = ends.filter((end) => end === "broken").length;
    expect(broken).toBeGreaterThan(0);
    expect(broken).toBeLessThan(40);
    await untilMetric(run.url, "pdserve_router_processes", processes);
    expect(await metric(run.url, 'pdserve_kv_handles{state="failed"}')).toBe(broken);
    expect(await metric(run.url, 'pdserve_kv_handles{state="spent"}')).toBe(0);
    expect(await metric(run.url, "pdserve_in_flight")).toBe(0);
    expect(await metric(run.url, "pdserve_router_restarts_total")).toBe(1);
    expect(await metric(run.url, 'pdserve_worker_in_flight{worker="decode-0",role="decode"}')).toBe(0);
    const what = "A router process ended and is being replaced";
    await run.waitFor(({ type, problem }) => type === "warning" && (problem as { what: string }).what === what);
    const asked = await Promise.all(many(24, () => ask(run.url, "/v1/completions", { body: completion() })));
    expect(statuses(asked)).toEqual([200]);
  }, 60_000);
}

test("streams in all processes are finished and logged at SIGTERM, and nothing is left", async () => {
  const log = join(mkdtempSync(join(tmpdir(), "pdserve-procs-")), "access.log");
  const run = await simulated(3, "--no-canary", "--access-log", log, "--", "--sim-decode-ms-per-token", "20");
  const streams = many(24, () => askStream(run.url, completion({ max_tokens: 60, stream: true })));
  await Promise.all(streams.map(({ begun }) => begun));
  run.signal("SIGTERM");
  const ends = await Promise.all(streams.map(({ ended }) => ended));
  expect(new Set(ends)).toEqual(new Set(["complete"]));
  expect(await run.exited).toBe(0);
  expect(processesOf(run.runId)).toEqual([]);
  expect(existsSync(join(run.runDir, "router.sock"))).toBe(false);
  const lines = readFileSync(log, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  expect(lines.map(({ status, end }) => `${status} ${end}`)).toEqual(many(24, () => "200 complete"));
  rmSync(dirname(log), { recursive: true });
}, 60_000);

for (const victim of ["core", "init", "core and init"] as const) {
  test(`SIGKILL of ${victim} leaves no router process`, async () => {
    const run = await simulated(3);
    if (victim !== "init") process.kill(run.corePid, "SIGKILL");
    if (victim !== "core") process.kill(run.initPid, "SIGKILL");
    await run.exited;
    const routers = () =>
      processesOf(run.runId).filter((pid) => readFileSync(`/proc/${pid}/cmdline`).includes("__router"));
    while (routers().length > 0) await Bun.sleep(20);
    if (victim !== "core and init") await untilGone(run.runId);
  }, 60_000);
}

test("a worker is restarted under load without a request lost in any process", async () => {
  const run = await start(3, "demo-model", "--engine", "sim", "--pd", "2P2D");
  const load = { isOver: false };
  const asked: Asked[] = [];
  const clients = many(8, async () => {
    while (!load.isOver) asked.push(await ask(run.url, "/v1/completions", { body: completion({ max_tokens: 8 }) }));
  });
  for (const worker of ["decode-0", "prefill-1"]) {
    const order = `http://pdserve/workers/${worker}/restart`;
    const ordered = await fetch(order, { method: "POST", unix: join(run.runDir, "control.sock") });
    expect(await ordered.json()).toMatchObject({ outcome: "done" });
  }
  load.isOver = true;
  await Promise.all(clients);
  expect(statuses(asked)).toEqual([200]);
  expect(await metric(run.url, 'pdserve_retries_total{leg="decode"}')).toBeNaN();
}, 60_000);

test("what an administrator asks and orders is of all processes, wherever his connection goes", async () => {
  const { url } = startWorker(() =>
    Promise.resolve(Response.json({ id: "x", object: "text_completion", choices: [] }))
  );
  const run = await start(3, "--regular", url, "--admin-key", "boss");
  const headers = { authorization: "Bearer boss" };
  expect((await ask(run.url, "/workers", {})).status).toBe(401);
  await Promise.all(
    many(20, (n) => ask(run.url, "/v1/completions", { body: completion(), headers: { "x-request-id": `mine-${n}` } })),
  );
  const lists = await Promise.all(many(8, () => ask(run.url, "/admin/requests", { headers })));
  for (const { text } of lists) expect(JSON.parse(text).requests).toHaveLength(20);
  const ones = await Promise.all(many(20, (n) => ask(run.url, `/admin/requests/mine-${n}`, { headers })));
  expect(statuses(ones)).toEqual([200]);
  expect(JSON.parse(ones[0]!.text)).toMatchObject({ status: 200, end: "complete", decode: "regular-0" });

  const updated = await ask(run.url, "/update_weights", { body: { weight_dir: "/w/step_7" }, headers });
  expect(updated.status).toBe(200);
  const removed = await ask(run.url, "/add_worker", { body: {}, headers });
  expect(removed.status).toBe(400);
  const asked = await Promise.all(many(20, () => ask(run.url, "/v1/completions", { body: completion() })));
  expect(new Set(asked.map(({ headers }) => headers["x-pdserve-weight-version"]))).toEqual(new Set(["step_7"]));
}, 60_000);

test("a reload reaches all processes, and the limits hold over the new ones", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pdserve-procs-"));
  const settings = join(folder, "pdserve.yaml");
  const write = (key: string, inFlight: number) =>
    writeFileSync(settings, `router: {api_key: ${key}}\nlimits: {in_flight: ${inFlight}}\n`);
  write("old", 100);
  const { seen, url } = startWorker(async () => {
    await Bun.sleep(10);
    return Response.json({ id: "x", object: "text_completion", choices: [] });
  });
  const run = await start(3, "--regular", url, "--config", settings);
  const askWith = (key: string) =>
    ask(run.url, "/v1/completions", { body: completion(), headers: { authorization: `Bearer ${key}` } });
  expect(statuses(await Promise.all(many(20, () => askWith("old"))))).toEqual([200]);
  write("new", 2);
  const reloaded = await fetch("http://pdserve/reload", { method: "POST", unix: join(run.runDir, "control.sock") });
  expect(reloaded.status).toBe(200);
  while (statuses(await Promise.all(many(20, () => askWith("old")))).includes(200)) await Bun.sleep(20);
  seen.most = 0;
  expect(statuses(await Promise.all(many(40, () => askWith("new"))))).toEqual([200]);
  expect(seen.most).toBe(2);
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

test.each([1, 2])("reloads leave no file open, with %p processes", async (processes) => {
  const folder = mkdtempSync(join(tmpdir(), "pdserve-procs-"));
  const settings = join(folder, "pdserve.yaml");
  const write = (queue: number) => writeFileSync(settings, `limits: {queue: ${queue}}\n`);
  write(100);
  const run = await simulated(processes, "--config", settings);
  const reload = () => fetch("http://pdserve/reload", { method: "POST", unix: join(run.runDir, "control.sock") });
  for (let queue = 101; queue <= 110; queue++) {
    write(queue);
    expect((await reload()).status).toBe(200);
    expect((await ask(run.url, "/v1/completions", { body: completion() })).status).toBe(200);
  }
  // The routers before are closed when all processes have heard of it.
  while (ownFilesOf(run.corePid).length > processes) await Bun.sleep(20);
  expect(ownFilesOf(run.corePid).filter((file) => file.endsWith("/pdserve.log"))).toHaveLength(1);
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** The router's log, and memory that it shares. */
function ownFilesOf(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      const file = readlinkSync(`/proc/${pid}/fd/${fd}`);
      return /\/pdserve\.log$|memfd:pdserve/.test(file) ? [file] : [];
    } catch {
      return [];
    }
  });
}

test("two runs of one user do not share a port by mistake", async () => {
  const run = await simulated(2);
  const port = new URL(run.url).port;
  const second = startPdserve([
    "demo-model",
    "--engine",
    "sim",
    "--router-procs",
    "2",
    "--port",
    port,
    "--strict-port",
  ]);
  expect(await second.then(() => "started", String)).toContain("pdserve ended with");
}, 60_000);
