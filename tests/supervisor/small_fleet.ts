// A plan of fixture engines, and the dependencies of a fleet that runs them.

import { createServer } from "node:net";
import { join } from "node:path";
import type { Connector, Role } from "../../kv/connector.ts";
import type { Plan, WorkerPlan } from "../../plan/plan.ts";
import type { Engine, Stage } from "../../supervisor/engines/engine.ts";
import { engines } from "../../supervisor/engines/index.ts";
import type { FleetDeps } from "../../supervisor/fleet.ts";
import { makeEventStream } from "../../supervisor/event_stream.ts";

const program = join(import.meta.dir, "../fixtures/programs/engine.ts");

/** `workers` are `name:port=manner+manner`, e.g. `prefill-0:8101=ignore-term`. */
export function fleetPlan(workers: readonly string[]): Plan {
  return {
    planId: "test",
    model: "demo",
    servedModelName: "demo",
    device: "cpu",
    engine: { name: "fixture", version: "0.0.0", command: [] },
    connector: { name: "FixtureConnector", reason: "a test" },
    router: { host: "127.0.0.1", port: 0 },
    split: null,
    launch: {
      loadFailurePolicy: "fail",
      extraConfig: {},
      sharedDir: "",
      cpuCores: 1,
      memoryBytes: 0,
      workersOnMachine: workers.length,
      env: {},
    },
    workers: workers.map(workerPlan),
    problems: [],
  };
}

/** `name=manners` with a free port put in: `name:port=manners`. */
export async function withFreePorts(workers: readonly string[]): Promise<readonly string[]> {
  const placed: string[] = [];
  for (const text of workers) placed.push(text.replace(/=|$/, `:${await freePort()}$&`));
  return placed;
}

/** Below the ports that the kernel hands out, as the plan's are, and far from where another test process begins. */
let nextPort = 20_000 + (process.pid * 31) % 8_000;

async function freePort(): Promise<number> {
  for (;;) {
    const port = nextPort++;
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!free) continue;
    await new Promise((closed) => server.close(closed));
    return port;
  }
}

function workerPlan(text: string): WorkerPlan {
  const [place = "", manners = ""] = text.split("=");
  const [name = "", portText] = place.split(":");
  const port = Number(portText);
  return {
    name,
    role: name.split("-")[0] as Role,
    gpus: [],
    tp: 1,
    dp: 1,
    pp: 1,
    host: "127.0.0.1",
    port,
    ports: { http: [port] },
    engineId: null,
    userArgs: manners.split("+").filter((manner) => manner !== ""),
    userEnv: {},
    argv: argvOf(port, manners.split("+").filter((manner) => manner !== "")),
    env: {},
    cwd: import.meta.dir,
    external: null,
  };
}

function argvOf(port: number, manners: readonly string[]): string[] {
  return [process.execPath, "run", program, String(port), ...manners];
}

export const fixtureEngine: Engine = {
  ...engines.sim,
  command: ({ port, userArgs }) => ({ argv: argvOf(port, userArgs), env: {} }),
  name: "fixture",
  probe: { path: "/health" },
  stage: readStage,
  marks: undefined,
  rules: [
    {
      id: "no-room",
      line: /no room for (?<what>.+)/,
      why: ({ what }, { holders = [] }) =>
        `There is no room for ${what}${holders.map(({ pid, name }) => `, ${name} (pid ${pid}) has some`).join("")}`,
      fix: () => "--smaller",
      example: "RuntimeError: no room for this model",
    },
    {
      id: "doomed",
      line: /will never end/,
      why: () => "It waits for ever",
      fix: () => "--other-port",
      example: "this start will never end",
      whileRunning: true,
    },
  ],
  stop: { signal: "SIGTERM", graceMs: 300 },
};

function readStage(line: string): Stage | null {
  const [, done, of] = /(\d)\/(\d)/.exec(line) ?? [];
  if (done !== undefined && of !== undefined) return { name: "loading weights", done: Number(done), of: Number(of) };
  return line.startsWith("listening") ? { name: "listening" } : null;
}

const fixtureConnector = {
  name: "FixtureConnector",
  discovery: null,
  wiring: () => ({ kvTransferConfig: {}, env: {}, args: [] }),
} as unknown as Connector;

export function fleetDeps(): Omit<FleetDeps, "identity"> {
  return {
    engine: fixtureEngine,
    connector: fixtureConnector,
    events: makeEventStream(),
    url: "http://127.0.0.1:0",
    runDir: "",
    startupTimeoutMs: 60_000,
    drainTimeoutMs: 60_000,
    hangTimeoutMs: 1e9,
    restart: { is: "never" },
    failFast: false,
    prove: (pair) =>
      Promise.resolve({
        is: "proven",
        ...pair,
        promptTokens: 1,
        movedTokens: 1,
        recomputedTokens: 0,
        bytes: null,
        tookMs: 0,
      }),
    inFlight: { count: () => 0, ofWorker: () => 0, onIdle: (callback) => callback() },
    workerApiKey: "key-of-the-run",
    openLog: (_worker, onLine) => lineLog(onLine),
    gpuHolders: () => Promise.resolve(null),
    env: process.env,
  };
}

function lineLog(onLine: (line: string) => void) {
  const lines: string[] = [];
  let rest = "";
  return {
    path: "/dev/null",
    lines: () => lines,
    startOver: () => void lines.splice(0),
    close: () => Promise.resolve(),
    write(chunk: Uint8Array) {
      const parts = (rest + new TextDecoder().decode(chunk)).split(/\r\n|\n|\r/);
      rest = parts.pop() ?? "";
      for (const line of parts) {
        lines.push(line);
        onLine(line);
      }
    },
  };
}
