import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { claimPort, holdPort } from "../../supervisor/native.ts";

async function listen(port: number): Promise<"listening" | "taken"> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<"listening" | "taken">();
  server.once("error", () => resolve("taken"));
  server.listen(port, "127.0.0.1", () => resolve("listening"));
  const outcome = await promise;
  if (outcome === "listening") await new Promise((closed) => server.close(closed));
  return outcome;
}

/** Ports below the ephemeral range, so that no other test is handed one by the kernel. */
function holdSome(): { readonly port: number; release(): void } {
  for (let port = 24_100; port < 24_300; port++) {
    const held = holdPort("127.0.0.1", port);
    if (held !== null) return { port, ...held };
  }
  throw new Error("no free port");
}

test("holdPort() keeps a port from a plain bind, but not from an engine that sets SO_REUSEADDR", async () => {
  const { port, release } = holdSome();
  expect(await listen(port)).toBe("listening");
  const python = Bun.which("python3");
  if (python !== null) {
    const bind = `import socket; socket.socket().bind(("127.0.0.1", ${port}))`;
    expect(Bun.spawnSync([python, "-c", bind], { stderr: "ignore" }).exitCode).toBe(1);
    release();
    expect(Bun.spawnSync([python, "-c", bind], { stderr: "ignore" }).exitCode).toBe(0);
  }
  release();
});

test("holdPort() does not get a port that somebody listens on", async () => {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  expect(holdPort("127.0.0.1", typeof address === "object" && address !== null ? address.port : 0)).toBeNull();
  server.close();
});

test("claimPort() lets one process have a port, says so to all, and lets go of it", () => {
  const claim = claimPort(65_001);
  expect(claim).not.toBeNull();
  expect(claimPort(65_001)).toBeNull();
  expect(readFileSync("/proc/net/unix", "latin1")).toContain("@pdserve-port-65001");
  claim?.release();
  claim?.release();
  const again = claimPort(65_001);
  expect(again).not.toBeNull();
  again?.release();
});
