// Workers that an administrator adds to a running pdserve, and a reload that puts another router in the place of the first.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, type PlainEngine, startPlainEngine } from "./plain_engine.ts";
import { type RunningPdserve, startPdserve } from "./run_pdserve.ts";

const folder = mkdtempSync(join(tmpdir(), "pdserve-added-"));
let run: RunningPdserve;
let engine: PlainEngine;

const settings = (queue: number) => `model: demo-model\nengine: { name: sim }\nlimits: { queue: ${queue} }\n`;

beforeAll(async () => {
  writeFileSync(join(folder, "pdserve.yaml"), settings(50));
  const port = String(await freePort());
  engine = await startPlainEngine("demo-model");
  run = await startPdserve(["--pd", "1P1D", "--port", port, "--admin-key", "admin"], { cwd: folder, detached: true });
}, 60_000);

afterAll(async () => {
  await run?.stop();
  await engine?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

function ask(method: string, path: string, body?: unknown): Promise<Response> {
  const headers = { authorization: "Bearer admin", "content-type": "application/json" };
  return fetch(`${run.url}${path}`, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
}

async function workers(): Promise<Record<string, string>> {
  const { workers } = await (await ask("GET", "/workers")).json() as {
    readonly workers: readonly { readonly id: string; readonly state: string }[];
  };
  return Object.fromEntries(workers.map(({ id, state }) => [id, state]));
}

async function until(state: Readonly<Record<string, string>>): Promise<void> {
  while (!Bun.deepEquals(await workers(), state)) await Bun.sleep(20);
}

test("what was added and removed by POST and DELETE /workers is there after SIGHUP", async () => {
  await ask("POST", "/workers", { url: engine.url, worker_type: "regular" });
  const more = await (await ask("POST", "/workers", { url: engine.url, worker_type: "decode" })).json() as {
    readonly worker_id: string;
  };
  const both = { "prefill-0": "ready", "decode-0": "ready", "regular-added-0": "ready" };
  await until({ ...both, "decode-added-1": "ready" });
  await ask("DELETE", `/workers/${more.worker_id}`);
  await until(both);
  await ask("DELETE", "/workers/decode-0");
  const changed = { ...both, "decode-0": "draining" };
  await until(changed);

  const before = run.events.length;
  writeFileSync(join(folder, "pdserve.yaml"), settings(40));
  process.kill(run.initPid, "SIGHUP");
  await run.waitFor((event) => event.type === "reloaded" && run.events.indexOf(event) >= before);
  expect(await workers()).toEqual(changed);
  // The only one that can: decode is being drained.
  const tokenize = () => ask("POST", "/tokenize", { model: "demo-model", prompt: "one two" });
  let served = await tokenize();
  // The new router asks it for its models first.
  while (served.status === 503) served = await tokenize();
  expect(served.status).toBe(200);
  expect(served.headers.get("x-pdserve-decode")).toBe("regular-added-0");
}, 30_000);
