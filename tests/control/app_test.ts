import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeControlApp } from "../../control/app.ts";
import { runState } from "../../control/run_state.ts";
import { serveControl } from "../../control/serve_control.ts";
import { factsOf } from "../../plan/plan.ts";
import { makeEventStream } from "../../supervisor/event_stream.ts";
import { makeFleetPicture } from "../../supervisor/fleet_picture.ts";
import type { Ordered } from "../../supervisor/ordered.ts";
import type { StopWish } from "../../supervisor/stop_signals.ts";
import { fleetPlan } from "../supervisor/small_fleet.ts";

const workers = fleetPlan(["prefill-0:1", "decode-0:2"]).workers.map((worker) => ({
  facts: factsOf(worker),
  url: `http://127.0.0.1:${worker.port}`,
  state: { is: "ready" } as const,
  generation: 1,
  pid: null,
}));

function makeApp() {
  const wishes: StopWish[] = [];
  const events = makeEventStream();
  const view = makeFleetPicture("key-of-the-run", () => workers);
  const ordered: string[] = [];
  const order = (name: string) => (worker: string): Ordered => {
    ordered.push(`${name} ${worker}`);
    return worker === "decode-0" ? { is: "done" } : { is: "refused", what: "no", why: "why", fix: "fix" };
  };
  const orders = {
    restart: (worker: string) => Promise.resolve(order("restart")(worker)),
    drain: (worker: string) => Promise.resolve(order("drain")(worker)),
    undrain: order("undrain"),
    reload: () => Promise.resolve({ is: "done" } as const),
  };
  const fleet = { view, stop: (wish: StopWish) => void wishes.push(wish), orders };
  const facts = { run_id: "run", name: "n", url: "u", model: "m", engine: "e", connector: "c", plan_id: "p" };
  const state = () =>
    Promise.resolve(runState({
      facts: { ...facts, gpusOf: () => [] },
      snapshot: view.snapshot(),
      past: () => ({ since: null, failures: 0, lastFailure: null }),
      load: () => ({ requests: 1, handoffs: 0 }),
      metricsText: "pdserve_in_flight 2\n",
      told: () => ({ kvUsage: 0.5, waiting: 0 }),
    }));
  const reload = () => Promise.resolve({ ordered: { is: "done" } as const, changes: ["restart decode-0"] });
  const router = async (request: Request) => {
    const { pathname, search } = new URL(request.url);
    return new Response(`${request.method} ${pathname}${search} ${await request.text()}`);
  };
  const app = makeControlApp({ runId: "run", fleet, events, inFlight: () => 2, state, reload, router });
  return { app, events, wishes, ordered };
}

test("GET /state tells the fleet, and never the key of its workers", async () => {
  const text = await (await makeApp().app.request("/state")).text();
  const state = JSON.parse(text);
  expect(state).toMatchObject({
    schema: 1,
    run_id: "run",
    epoch: 0,
    phase: "starting",
    verdict: "starting",
    in_flight: 2,
  });
  expect(state.workers[1]).toEqual({
    name: "decode-0",
    role: "decode",
    gpus: [],
    url: "http://127.0.0.1:2",
    pid: null,
    generation: 1,
    state: "ready",
    detail: null,
    since: null,
    retry_at: null,
    restarts: 0,
    requests: 1,
    handoffs: 0,
    kv_usage: 0.5,
    waiting: 0,
    last_failure: null,
  });
  expect(text).not.toContain("key-of-the-run");
});

test("GET /events begins with the state, goes on with what happens, and ends with the run", async () => {
  const { app, events } = makeApp();
  const answer = await app.request("/events");
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader?.read())?.value).toContain("event: state");
  events.emit({ type: "plan", plan: fleetPlan(["decode-0:1"]), configFile: null, runDir: "" });
  events.emit({ type: "stopping", forced: false });
  events.emit({ type: "stopped", exitCode: 0 });
  let text = "";
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) text += read.value;
  expect(text).not.toContain("event: plan");
  expect(text).toContain('event: stopping\ndata: {"type":"stopping","forced":false}');
  expect(text).toContain('data: {"type":"stopped","exitCode":0}');
});

test("POST /drain and POST /stop pass the wish on and answer at once", async () => {
  const { app, wishes } = makeApp();
  expect((await app.request("/drain", { method: "POST" })).status).toBe(202);
  expect((await app.request("/stop", { method: "POST" })).status).toBe(202);
  expect(wishes).toEqual(["drain", "now"]);
  expect((await app.request("/stop")).status).toBe(404);
});

test("POST /workers/W/restart passes the order on; a refusal is 409, an unknown worker 404 with the nearest name", async () => {
  const { app, ordered } = makeApp();
  const post = async (path: string) => {
    const answer = await app.request(path, { method: "POST" });
    return [answer.status, await answer.json()];
  };
  expect(await post("/workers/decode-0/restart")).toEqual([200, { schema: 1, outcome: "done" }]);
  const refused = { schema: 1, outcome: "refused", what: "no", why: "why", fix: "fix" };
  expect(await post("/workers/prefill-0/drain")).toEqual([409, refused]);
  const unknown = await post("/workers/decod-0/undrain");
  expect(unknown).toMatchObject([404, { outcome: "unknown-worker", fix: "did you mean decode-0?" }]);
  expect(await post("/reload")).toEqual([200, { schema: 1, changes: ["restart decode-0"], outcome: "done" }]);
  expect(ordered).toEqual(["restart decode-0", "drain prefill-0"]);
});

test("serveControl() answers on a socket that only its owner can open, and takes it away at the end", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pdserve-test-"));
  const socketPath = join(folder, "control.sock");
  const serving = serveControl(makeApp().app, { socketPath });
  if (serving.is === "failed") throw new Error(serving.reason);
  expect(statSync(socketPath).mode & 0o777).toBe(0o600);
  expect((await fetch("http://localhost/state", { unix: socketPath })).status).toBe(200);
  await serving.stop();
  expect(existsSync(socketPath)).toBe(false);
  rmSync(folder, { recursive: true });
});

test("/router/… are the router's own routes for administrators, bodies and queries included", async () => {
  const init = { method: "POST", body: '{"a":1}' };
  const response = await makeApp().app.request("/router/pause?mode=keep", init);
  expect(await response.text()).toBe('POST /pause?mode=keep {"a":1}');
});
