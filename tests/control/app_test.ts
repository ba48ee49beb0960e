import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeControlApp } from "../../control/app.ts";
import { serveControl } from "../../control/serve_control.ts";
import { makeEventStream } from "../../supervisor/event_stream.ts";
import { makeFleetPicture } from "../../supervisor/fleet_picture.ts";
import type { StopWish } from "../../supervisor/stop_signals.ts";
import { fleetPlan } from "../supervisor/small_fleet.ts";

function makeApp() {
  const wishes: StopWish[] = [];
  const events = makeEventStream();
  const view = makeFleetPicture("key-of-the-run", () => []);
  const fleet = { view, stop: (wish: StopWish) => void wishes.push(wish) };
  return { app: makeControlApp({ runId: "run", fleet, events, inFlight: () => 2 }), events, wishes };
}

test("GET /state tells the fleet, and never the key of its workers", async () => {
  const text = await (await makeApp().app.request("/state")).text();
  expect(JSON.parse(text)).toEqual({
    schema: 1,
    run_id: "run",
    epoch: 0,
    phase: "starting",
    in_flight: 2,
    workers: [],
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
