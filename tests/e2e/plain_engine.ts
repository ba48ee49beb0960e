// One simulated engine without any connector: what a split answer has to equal.

import { createServer } from "node:net";
import { binary } from "./run_pdserve.ts";

export interface PlainEngine {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startPlainEngine(model: string, flags: readonly string[] = []): Promise<PlainEngine> {
  const port = await freePort();
  const child = Bun.spawn([binary, "sim-engine", model, "--host", "127.0.0.1", "--port", String(port), ...flags], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  const url = `http://127.0.0.1:${port}`;
  await untilHealthy(url);
  return {
    url,
    stop: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((ok) => server.listen(0, "127.0.0.1", ok));
  const address = server.address();
  await new Promise((ok) => server.close(ok));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Asks until the answer is 200; the test's time limit ends a wait that never does. */
export async function untilHealthy(url: string): Promise<void> {
  for (;;) {
    try {
      if ((await fetch(`${url}/health`)).ok) return;
    } catch {
      // not listening yet
    }
    await Bun.sleep(20);
  }
}
