// Several ranks a worker on real SGLang 0.5.23, KV over NIXL: equal and unequal TP, and the trainer's weights among them.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { essence, nearly } from "./sglang_answers.ts";
import { counter } from "./read_engine.ts";
import { freshPrompt, post } from "./requests.ts";
import { model, sglang, type SglangPair, type Shape, startSglangPair } from "./sglang_pair.ts";

const sampling = { temperature: 0, max_new_tokens: 12 };

const shapes: readonly (readonly [name: string, shape: Shape])[] = [
  ["TP 2 on both", { prefillTp: 2, decodeTp: 2 }],
  ["prefill TP 2, decode TP 1", { prefillTp: 2, decodeTp: 1 }],
  ["prefill TP 1, decode TP 2", { prefillTp: 1, decodeTp: 2 }],
];

describe.skipIf(sglang === "").each(shapes)("a real SGLang: %s", (_, shape) => {
  let pair: SglangPair;

  beforeAll(async () => {
    pair = await startSglangPair(shape);
  }, 600_000);

  afterAll(async () => {
    await pair?.stop();
  }, 120_000);

  test("the start has proven a handoff in which decode computed nothing again", () => {
    const proof = pair.pdserve.events.find((event) => event.type === "proof");
    expect(proof).toMatchObject({ is: "proven", recomputed_tokens: 0 });
    expect(Number(proof?.["bytes"])).toBeGreaterThan(0);
  });

  test.each([
    ["a prompt", () => ({ text: freshPrompt(40) })],
    ["three prompts", () => ({ text: [freshPrompt(5), freshPrompt(30), freshPrompt(12)] })],
    ["log-probabilities", () => ({ text: freshPrompt(20), return_logprob: true, logprob_start_len: 0 })],
  ])("/generate with %s: the answer is the plain engine's, and decode computed no prompt", async (_name, body) => {
    const asked = { model, ...body(), sampling_params: sampling };
    const split = await post(pair.pdserve.url, "/generate", asked);
    expect([split.status, split.status === 200 ? "" : JSON.stringify(split.json)]).toEqual([200, ""]);
    expect(essence(split)).toEqual(nearly(essence(await post(pair.plain, "/generate", asked))));
    expect(await counter(pair.decode, "sglang:realtime_tokens_total", 'mode="prefill_compute"')).toBe(0);
  });

  test("stopping leaves no process behind", async () => {
    expect(await pair.stop()).toEqual([]);
  }, 120_000);
});
