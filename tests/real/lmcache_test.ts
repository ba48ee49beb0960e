// LMCacheMPConnector on real engines: prefill and decode keep their KV in one lmcache server beside them.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installLmcache } from "../../scripts/real_vllm/install_lmcache.ts";
import { freePort } from "../e2e/plain_engine.ts";
import { promptTokens, type RealPair, startRealPair, vllm } from "./real_pair.ts";
import { freshPrompt, post, withModel } from "./requests.ts";
import { testSameAsPlain } from "./same_as_plain.ts";

const CHUNK_TOKENS = 32;
const lmcache = installLmcache(vllm);
if (lmcache.is === "unavailable") console.log(`skipped LMCache's tests: ${lmcache.reason}`);
const testHere = lmcache.is === "unavailable" ? test.skip : test;
let server: LmcacheServer;
let pair: RealPair;

beforeAll(async () => {
  if (lmcache.is === "unavailable") return;
  const { folder, command } = lmcache;
  server = await startLmcacheServer(folder, command);
  pair = await startRealPair(
    [
      ...["--enforce-eager", "--block-size", String(CHUNK_TOKENS)],
      ...["--kv-connector", "LMCacheMPConnector"],
      ...["--kv-extra-config", JSON.stringify({ "lmcache.mp.port": server.port })],
    ],
    { PYTHONPATH: folder },
  );
}, 480_000);

afterAll(async () => {
  await pair?.stop();
  await server?.stop();
}, 60_000);

testSameAsPlain(() => pair, testHere);

testHere("decode gets the whole chunks of a prompt from the server and computes only the rest", async () => {
  const before = await promptTokens(pair.decode);
  await post(pair.pdserve.url, "/v1/completions", withModel({ prompt: freshPrompt(60), max_tokens: 2 }));
  const after = await promptTokens(pair.decode);
  expect(after.transferred - before.transferred).toBeGreaterThan(0);
  expect((after.transferred - before.transferred) % CHUNK_TOKENS).toBe(0);
  expect(after.computed - before.computed).toBeLessThanOrEqual(CHUNK_TOKENS);
});

testHere("stopping leaves no process behind", async () => {
  expect(await pair.stop()).toEqual([]);
}, 60_000);

interface LmcacheServer {
  readonly port: number;
  stop(): Promise<void>;
}

async function startLmcacheServer(folder: string, command: readonly string[]): Promise<LmcacheServer> {
  const [port, httpPort] = [await freePort(), await freePort()];
  const scratch = mkdtempSync(join(tmpdir(), "lmcache-"));
  const log = join(scratch, "log");
  const child = Bun.spawn(
    [
      ...command,
      ...["server", "--host", "127.0.0.1", "--port", String(port)],
      ...["--http-host", "127.0.0.1", "--http-port", String(httpPort)],
      ...["--l1-size-gb", "1", "--eviction-policy", "LRU", "--disable-observability"],
      ...["--supported-transfer-mode", "auto", "--chunk-size", String(CHUNK_TOKENS)],
    ],
    {
      detached: true,
      cwd: scratch,
      env: { ...process.env, PYTHONPATH: folder },
      stdout: Bun.file(log),
      stderr: Bun.file(log),
    },
  );
  while (!await listens(httpPort)) {
    if (child.exitCode !== null) {
      throw new Error(`the lmcache server ended:\n${readFileSync(log, "utf8").slice(-3_000)}`);
    }
    await Bun.sleep(200);
  }
  return {
    port,
    stop: async () => {
      process.kill(-child.pid, "SIGKILL");
      await child.exited;
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

async function listens(port: number): Promise<boolean> {
  try {
    await fetch(`http://127.0.0.1:${port}/`);
    return true;
  } catch {
    return false;
  }
}
