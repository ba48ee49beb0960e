// pdserve as a process between two stand-in workers, and what a probe may ask of it.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goodDecode, goodPrefill, startTroubleWorker, type TroubleWorker } from "./trouble_worker.ts";

export interface TroubleBench {
  readonly prefill: TroubleWorker;
  readonly decode: TroubleWorker;
  readonly url: string;
  post(body: unknown, signal?: AbortSignal): Promise<Response>;
  /** Of pdserve and its processes, shared pages divided. */
  memoryMb(): number;
  /** Both workers behave again, and nothing is left of the last probe. */
  calm(): Promise<void>;
  terminate(): Promise<{ readonly tookMs: number }>;
  close(): Promise<void>;
}

export async function openTroubleBench(binary: string, flags: readonly string[] = []): Promise<TroubleBench> {
  const folder = mkdtempSync(join(tmpdir(), "pdserve-trouble-"));
  const [prefill, decode] = [await startTroubleWorker(goodPrefill), await startTroubleWorker(goodDecode)];
  const argv = [
    ...[binary, "--prefill", `http://127.0.0.1:${prefill.port}`, "--decode", `http://127.0.0.1:${decode.port}`],
    ...[
      "--kv-connector",
      "NixlConnector",
      "--no-canary",
      "--port",
      "0",
      "--state-dir",
      folder,
      "--progress",
      "json",
      ...flags,
    ],
  ];
  const child = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "pipe", cwd: folder });
  const url = await urlOf([child.stdout, child.stderr]);
  const post = (body: unknown, signal?: AbortSignal) =>
    fetch(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
      signal,
    });
  while (await statusOf(`${url}/ready`) !== 200) await Bun.sleep(20);
  return {
    prefill,
    decode,
    url,
    post,
    memoryMb: () => treeOf(child.pid).reduce((sum, pid) => sum + pssKb(pid), 0) / 1_024,
    async calm() {
      prefill.behave(goodPrefill);
      decode.behave(goodDecode);
      while ((await post({ model: "m", prompt: "calm" })).status !== 200) await Bun.sleep(50);
      prefill.behave(goodPrefill);
      decode.behave(goodDecode);
    },
    async terminate() {
      const startedMs = performance.now();
      child.kill("SIGTERM");
      await child.exited;
      return { tookMs: performance.now() - startedMs };
    },
    async close() {
      child.kill("SIGTERM");
      await child.exited;
      for (const worker of [prefill, decode]) await worker.die().catch(() => {});
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function urlOf(outputs: readonly ReadableStream<Uint8Array>[]): Promise<string> {
  const found = Promise.withResolvers<string>();
  for (const output of outputs) {
    void (async () => {
      let text = "";
      for await (const piece of output) {
        if (text.length < 100_000) text += new TextDecoder().decode(piece);
        const url = /"type":"listening","url":"([^"]+)"/.exec(text)?.[1];
        if (url !== undefined) found.resolve(url);
      }
      found.reject(new Error(`pdserve ended: ${text}`));
    })();
  }
  return await found.promise;
}

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url).catch(() => null);
  await response?.body?.cancel();
  return response?.status ?? 0;
}

function pssKb(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function treeOf(root: number): readonly number[] {
  const tree = [root];
  const parents = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      return [Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])] as const;
    } catch {
      return [Number(name), 0] as const;
    }
  });
  for (const pid of tree) tree.push(...parents.filter(([, parent]) => parent === pid).map(([child]) => child));
  return tree;
}
