// The whole product with each connector on simulated engines, asked by the official client.

import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import OpenAI from "openai";
import { type PlainEngine, startPlainEngine } from "./plain_engine.ts";
import { killRun, type RunningPdserve, runToEnd, startPdserve } from "./run_pdserve.ts";

interface Profile {
  readonly connector: string;
  /** An engine version that has it. */
  readonly version: string;
  /** Prompt tokens that decode may compute of each prompt. */
  readonly recomputedPerPromptMax: number;
  readonly extraConfig?: Readonly<Record<string, unknown>>;
  readonly flags?: readonly string[];
  /** What tells this profile from another of the same connector. */
  readonly as?: string;
}

const BLOCK_TOKENS = 16;
const child = (kv_connector: string, extra: Readonly<Record<string, unknown>> = {}) => ({
  kv_connector,
  kv_connector_extra_config: extra,
});
const hostMemory = { cpu_bytes_to_use: 1_000_000 };

/** Each in both roles twice, with all requests. */
const handsOver: readonly Profile[] = [
  { connector: "NixlConnector", version: "0.32.0", recomputedPerPromptMax: 0 },
  { connector: "NixlPushConnector", version: "0.32.0", recomputedPerPromptMax: 0 },
  { connector: "MooncakeConnector", version: "0.32.0", recomputedPerPromptMax: 0 },
  // It never loads the last token of a prompt; decode computes that one to sample from.
  { connector: "P2pNcclConnector", version: "0.22.0", recomputedPerPromptMax: 1 },
  // Files hold whole blocks only; the rest of the last block is computed where it is needed.
  { connector: "ExampleConnector", version: "0.32.0", recomputedPerPromptMax: BLOCK_TOKENS },
];

/** One worker a role and fewer requests, since they share their legs with those above. */
const sharesLegs: readonly Profile[] = [
  { connector: "MoRIIOConnector", version: "0.32.0", recomputedPerPromptMax: 1, as: "writing" },
  {
    connector: "MoRIIOConnector",
    version: "0.32.0",
    recomputedPerPromptMax: 1,
    extraConfig: { read_mode: true },
    as: "reading",
  },
  { connector: "LMCacheMPConnector", version: "0.32.0", recomputedPerPromptMax: BLOCK_TOKENS },
  {
    connector: "LMCacheConnectorV1",
    version: "0.32.0",
    recomputedPerPromptMax: BLOCK_TOKENS,
    extraConfig: { "lmcache.remote_url": "lm://127.0.0.1:65432" },
  },
  {
    connector: "LMCacheConnectorV1",
    version: "0.32.0",
    recomputedPerPromptMax: BLOCK_TOKENS,
    extraConfig: { "lmcache.enable_pd": true },
    // Slower than the answer, so that only its word tells when the KV is there.
    flags: ["--sim-transfer-ms-per-block", "5"],
    as: "in PD mode",
  },
  { connector: "MooncakeStoreConnector", version: "0.32.0", recomputedPerPromptMax: BLOCK_TOKENS },
  { connector: "FlexKVConnectorV1", version: "0.32.0", recomputedPerPromptMax: BLOCK_TOKENS },
  { connector: "HF3FSKVConnector", version: "0.32.0", recomputedPerPromptMax: BLOCK_TOKENS },
  {
    connector: "OffloadingConnector",
    version: "0.32.0",
    recomputedPerPromptMax: BLOCK_TOKENS,
    extraConfig: { ...hostMemory, secondary_tiers: [{ type: "p2p" }] },
    as: "with a p2p tier",
  },
  {
    connector: "MultiConnector",
    version: "0.32.0",
    recomputedPerPromptMax: 0,
    extraConfig: {
      connectors: [
        child("NixlConnector"),
        child("OffloadingConnector", hostMemory),
        child("SimpleCPUOffloadConnector"),
        child("LMCacheMPConnector"),
      ],
    },
    as: "of NIXL, two tiers of host memory and a store",
  },
];

const model = "demo-model";
interface Size {
  readonly gpus: readonly [string, string];
  readonly workers: readonly string[];
  readonly total: number;
  readonly parallel: number;
}

const large: Size = {
  gpus: ["0,1", "2,3"],
  workers: ["decode-0", "decode-1", "prefill-0", "prefill-1"],
  total: 200,
  parallel: 32,
};
const small: Size = { gpus: ["0", "1"], workers: ["decode-0", "prefill-0"], total: 24, parallel: 12 };

let running: RunningPdserve | null = null;
let plain: PlainEngine | null = null;

afterEach(async () => {
  await plain?.stop();
  if (running !== null) {
    await running.stop();
    killRun(running.runId);
  }
  running = plain = null;
});

for (const [profiles, size] of [[handsOver, large], [sharesLegs, small]] as const) {
  for (const profile of profiles) {
    const title = [profile.connector, profile.as].filter(Boolean).join(" ");
    test(
      `${title}: every answer is a plain engine's, all workers work, nothing is computed twice`,
      () => expectServes(profile, size),
      60_000,
    );
  }
}

test("DecodeBenchConnector and connectors of one engine are refused for a pair, each with what to do instead", async () => {
  const names = ["DecodeBenchConnector", "SimpleCPUOffloadConnector", "OffloadingConnector", "HiSparseConnector"];
  const refusals = await Promise.all(
    names.map((name) =>
      runToEnd(["plan", model, "--engine", "sim", "--prefill-gpus", "0", "--decode-gpus", "1", "--kv-connector", name])
    ),
  );
  for (const { exitCode, stderr } of refusals) {
    expect(exitCode).toBe(2);
    expect(stderr).toContain("hands no KV from prefill to decode");
    expect(stderr).toContain("--kv-connector");
  }
});

async function expectServes(profile: Profile, size: Size): Promise<void> {
  const version = ["--sim-vllm-version", profile.version, "--block-size", String(BLOCK_TOKENS)];
  const extra = profile.extraConfig === undefined ? [] : ["--kv-extra-config", JSON.stringify(profile.extraConfig)];
  plain = await startPlainEngine(model, version);
  running = await startPdserve([
    ...[model, "--engine", "sim", "--port", "0"],
    ...["--prefill-gpus", size.gpus[0], "--decode-gpus", size.gpus[1]],
    ...["--kv-connector", profile.connector, ...extra],
    ...["--", ...version, ...profile.flags ?? []],
  ]);

  const [split, reference] = [clientOf(running.url), clientOf(plain.url)];
  const used = new Set<string>();
  await inParallel(size.total, size.parallel, async (index) => {
    const [mine, theirs] = [await ask(split, index, used), await ask(reference, index)];
    expect(mine).toEqual(theirs);
  });
  expect([...used].sort()).toEqual([...size.workers]);

  const canaries = running.events.filter((event) => event.type === "proof").length;
  const computed = await computedOnDecode(running);
  expect(computed).toBeLessThanOrEqual((size.total + canaries) * profile.recomputedPerPromptMax);
}

/** One of four kinds of request by index, answered as plain data: text, finish reason and usage. */
async function ask(client: OpenAI, index: number, used?: Set<string>): Promise<unknown> {
  const prompt = `Question ${index}: ${"tell me more about it ".repeat(1 + index % 9)}`;
  const messages = [{ role: "user" as const, content: prompt }];
  const common = { model, max_tokens: 5 + index % 7, temperature: 0 };
  const note = (response: Response) => {
    used?.add(response.headers.get("x-pdserve-prefill") ?? "?");
    used?.add(response.headers.get("x-pdserve-decode") ?? "?");
  };
  if (index % 2 === 0) {
    const streamed = index % 4 === 0;
    if (!streamed) {
      const { data, response } = await client.completions.create({ ...common, prompt }).withResponse();
      note(response);
      return { text: data.choices[0]?.text, why: data.choices[0]?.finish_reason, usage: data.usage };
    }
    const { data, response } = await client.completions.create({
      ...common,
      prompt,
      stream: true,
      stream_options: { include_usage: true },
    }).withResponse();
    note(response);
    let text = "", usage: unknown = null;
    for await (const part of data) {
      text += part.choices[0]?.text ?? "";
      usage = part.usage ?? usage;
    }
    return { text, usage };
  }
  if (index % 4 === 1) {
    const { data, response } = await client.chat.completions.create({ ...common, messages }).withResponse();
    note(response);
    return { text: data.choices[0]?.message.content, why: data.choices[0]?.finish_reason, usage: data.usage };
  }
  const { data, response } = await client.chat.completions.create({ ...common, messages, stream: true }).withResponse();
  note(response);
  let text = "";
  for await (const part of data) text += part.choices[0]?.delta.content ?? "";
  return { text };
}

/** The engines' own count of prompt tokens they computed on decode. */
async function computedOnDecode(pdserve: RunningPdserve): Promise<number> {
  const run = JSON.parse(readFileSync(join(pdserve.runDir, "run.json"), "utf8"));
  const decode = run.workers.filter((worker: { name: string }) => worker.name.startsWith("decode"));
  let sum = 0;
  for (const worker of decode) {
    const text = await (await fetch(`http://127.0.0.1:${worker.port}/metrics`)).text();
    const line = text.split("\n").find((each) =>
      each.startsWith("vllm:prompt_tokens_by_source_total{") && each.includes('source="local_compute"')
    );
    sum += Number(line?.split(" ").at(-1) ?? Number.NaN);
  }
  return sum;
}

async function inParallel(count: number, width: number, run: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: width }, async () => {
    while (next < count) await run(next++);
  }));
}

function clientOf(url: string): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: "unused", maxRetries: 0, timeout: 50_000 });
}
