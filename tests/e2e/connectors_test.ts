// The whole product with each connector on simulated engines: 200 requests of the official client, 32 at a time.

import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import OpenAI from "openai";
import { type PlainEngine, startPlainEngine } from "./plain_engine.ts";
import { killRun, type RunningPdserve, startPdserve } from "./run_pdserve.ts";

/** Engine versions that have the connector; `blockTokens` is what decode may compute again of each prompt. */
const profiles: readonly { connector: string; version: string; recomputedPerPromptMax: number }[] = [
  { connector: "NixlConnector", version: "0.32.0", recomputedPerPromptMax: 0 },
  { connector: "NixlPushConnector", version: "0.32.0", recomputedPerPromptMax: 0 },
  { connector: "MooncakeConnector", version: "0.32.0", recomputedPerPromptMax: 0 },
  // It never loads the last token of a prompt; decode computes that one to sample from.
  { connector: "P2pNcclConnector", version: "0.22.0", recomputedPerPromptMax: 1 },
  // Files hold whole blocks only; the rest of the last block is computed where it is needed.
  { connector: "ExampleConnector", version: "0.32.0", recomputedPerPromptMax: 16 },
];

const model = "demo-model";
const total = 200;
const parallel = 32;

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

for (const profile of profiles) {
  test(
    `${profile.connector}: every answer is a plain engine's, both workers of each role work, nothing is computed twice`,
    async () => {
      const version = ["--sim-vllm-version", profile.version, "--block-size", "16"];
      plain = await startPlainEngine(model, version);
      running = await startPdserve([
        model,
        "--engine",
        "sim",
        "--prefill-gpus",
        "0,1",
        "--decode-gpus",
        "2,3",
        "--kv-connector",
        profile.connector,
        "--port",
        "0",
        "--",
        ...version,
      ]);

      const [split, reference] = [clientOf(running.url), clientOf(plain.url)];
      const used = new Set<string>();
      await inParallel(total, parallel, async (index) => {
        const [mine, theirs] = [await ask(split, index, used), await ask(reference, index)];
        expect(mine).toEqual(theirs);
      });
      expect([...used].sort()).toEqual(["decode-0", "decode-1", "prefill-0", "prefill-1"]);

      const canaries = running.events.filter((event) => event.type === "proof").length;
      const computed = await computedOnDecode(running);
      expect(computed).toBeLessThanOrEqual((total + canaries) * profile.recomputedPerPromptMax);
    },
    60_000,
  );
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
