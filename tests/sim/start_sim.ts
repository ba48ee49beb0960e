// Simulated engines as processes of their own, for tests: started, waited for, asked, stopped.

import { createServer, type Server } from "node:net";
import { join } from "node:path";

/** For `setDefaultTimeout()` of every file that starts processes: that takes long on a busy machine; a hang still ends. */
export const TEST_LIMIT_MS = 60_000;

export interface Sim {
  readonly port: number;
  readonly sidePort: number;
  readonly url: string;
  readonly pid: number;
  /** Both streams, as far as they have come. */
  log(): string;
  readonly exited: Promise<number>;
  json(path: string): Promise<unknown>;
  /** Changes its faults while it runs. */
  setFaults(change: Record<string, unknown>): Promise<void>;
  kill(signal?: NodeJS.Signals): void;
  stop(): Promise<void>;
}

export interface SimOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly connector?: Readonly<Record<string, unknown>>;
  /** Given when another process must know it before. */
  readonly sidePort?: number;
  readonly port?: number;
}

/** Resolves when /health answers 200. Starts again elsewhere when somebody was faster to take a port. */
export async function startSim(options: SimOptions = {}): Promise<Sim> {
  const sim = await spawnSim(options);
  let taken = false;
  await until(async () => {
    taken = sim.log().includes("ddress already in use");
    return taken || (await fetch(`${sim.url}/health`).catch(() => null))?.status === 200;
  });
  if (!taken) return sim;
  await sim.stop();
  return await startSim(options);
}

/** The same without waiting: for engines that are meant to fail or hang at start. */
export async function spawnSim(options: SimOptions = {}): Promise<Sim> {
  const port = options.port ?? await freePort();
  const sidePort = options.sidePort ?? await freePort();
  const connector = options.connector ? ["--kv-transfer-config", JSON.stringify(options.connector)] : [];
  const argv = [
    "./tiny",
    "--served-model-name",
    "tiny",
    "--host",
    "127.0.0.1",
    "--port",
    String(port),
    "--sim-startup-ms",
    "10",
    "--sim-death-ms",
    "10",
    ...connector,
    ...options.args ?? [],
  ];
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "sim_entry.ts"), ...argv], {
    env: {
      ...process.env,
      VLLM_NIXL_SIDE_CHANNEL_HOST: "127.0.0.1",
      VLLM_NIXL_SIDE_CHANNEL_PORT: String(sidePort),
      ...options.env,
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let log = "";
  const keep = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) log += decoder.decode(chunk, { stream: true });
  };
  const read = Promise.all([keep(child.stdout), keep(child.stderr)]);
  const url = `http://127.0.0.1:${port}`;
  return {
    port,
    sidePort,
    url,
    pid: child.pid,
    log: () => log,
    exited: child.exited.then(async (code) => {
      await read;
      return code;
    }),
    json: async (path) => await (await fetch(url + path)).json(),
    async setFaults(change) {
      const answer = await fetch(`${url}/sim/faults`, { method: "POST", body: JSON.stringify(change) });
      if (!answer.ok) throw new Error(await answer.text());
    },
    kill: (signal = "SIGKILL") => void child.kill(signal),
    async stop() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/** Polls a condition; the test's own time limit ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!await condition()) await Bun.sleep(5);
}

export async function freePort(): Promise<number> {
  const server = await listenOn(0);
  const port = portOf(server!);
  await close(server!);
  return port;
}

/** The first of `count` free ports in a row. */
export async function freePortRun(count: number): Promise<number> {
  while (true) {
    const first = await freePort();
    const servers = await Promise.all(Array.from({ length: count }, (_, at) => listenOn(first + at)));
    await Promise.all(servers.map((server) => server && close(server)));
    if (!servers.includes(null)) return first;
  }
}

async function listenOn(port: number): Promise<Server | null> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once("error", () => resolve(null));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("no address");
  return address.port;
}

async function close(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

export async function post(sim: Sim, path: string, body: unknown, headers: Record<string, string> = {}) {
  return await fetch(sim.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}
