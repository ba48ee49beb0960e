// Starts what is installed, says what is not, and waits until each answers a whole stream.

import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Running, Stand } from "./measure.ts";
import { type PinnedProcess, startPinned } from "./pinned_process.ts";
import type { RouterUnderTest } from "./routers/router_under_test.ts";

export interface StartedRouter extends Running {
  readonly hops: 1 | 2;
  readonly version: string;
  readonly warmupSeconds: number;
  readonly process: PinnedProcess;
}

export interface StartedRouters {
  readonly started: readonly StartedRouter[];
  /** One line for each router that is not there, with what to type to have it. */
  readonly skipped: readonly string[];
}

/** Connections to the workers, caches, the first pages of memory. */
const USUAL_WARMUP_SECONDS = 2;

/** smg listens four seconds before its workers are registered. */
const readyWithinMs = 30_000;

export async function startRouters(
  routers: readonly RouterUnderTest[],
  stand: Stand,
  folder: string,
): Promise<StartedRouters> {
  const skipped: string[] = [];
  const starting: Promise<StartedRouter | string>[] = [];
  for (const router of routers) {
    const version = router.find();
    if (version === null) skipped.push(`${router.name} is not installed: ${router.install}`);
    else starting.push(startRouter(router, version, stand, join(folder, router.name.replaceAll(" ", "-"))));
  }
  const results = await Promise.all(starting);
  skipped.push(...results.filter((result) => typeof result === "string"));
  return { started: results.filter((result) => typeof result !== "string"), skipped };
}

async function startRouter(
  router: RouterUnderTest,
  version: string,
  stand: Stand,
  folder: string,
): Promise<StartedRouter | string> {
  mkdirSync(folder, { recursive: true });
  const [port, metricsPort] = await Promise.all([freePort(), freePort()]);
  const { prefillPort, decodePort, routerCore } = stand;
  const { argv, env, files = {} } = router.start({ port, metricsPort, prefillPort, decodePort, folder });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const log = join(folder, "output.log");
  const process = startPinned(routerCore, argv, { env, cwd: folder, log });
  const { name, hops, warmupSeconds = USUAL_WARMUP_SECONDS } = router;
  if (await answers(port)) return { name, hops, version, warmupSeconds, port, process };
  await process.stop();
  return `${router.name} ${version} did not answer within ${readyWithinMs / 1_000} s; its output is in ${log}`;
}

async function answers(port: number): Promise<boolean> {
  const body = `{"model":"m","messages":[{"role":"user","content":"ready?"}],"stream":true,"max_tokens":64}`;
  const init = { method: "POST", body, headers: { "content-type": "application/json", authorization: "Bearer EMPTY" } };
  for (const until = performance.now() + readyWithinMs; performance.now() < until; await Bun.sleep(100)) {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, init).catch(() => null);
    if (answer?.status === 200 && (await answer.text()).includes("[DONE]")) return true;
  }
  return false;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
