// Sessions of token ids on two real vLLM 0.32 processes: prefill reads decode's KV of the turn before, and the tokens are
// those of a plain engine, which has read nothing from anybody.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { counter } from "./read_engine.ts";
import { model, promptTokens, type RealPair, startRealPair } from "./real_pair.ts";
import { type Answer, post } from "./requests.ts";

let pair: RealPair;

beforeAll(async () => {
  pair = await startRealPair(["--turn-reuse", "120s", "--block-size", "32", "--enable-scale-out"]);
}, 600_000);

afterAll(async () => {
  await pair?.stop();
}, 60_000);

const letters = (text: string) => [...text].map((letter) => letter.charCodeAt(0));

/** Long enough that prefill reads rather than computes: from 64 tokens on. */
const ANSWER = 90;

interface Api {
  readonly path: string;
  body(ids: readonly number[], session: string): Record<string, unknown>;
}

const completions: Api = {
  path: "/v1/completions",
  body: (prompt, session_id) => ({
    ...{ model, prompt, session_id, max_tokens: ANSWER, ignore_eos: true, temperature: 0, return_token_ids: true },
  }),
};

const generate: Api = {
  path: "/inference/v1/generate",
  body: (token_ids, session_id) => ({
    ...{ model, token_ids, session_id, sampling_params: { max_tokens: ANSWER, ignore_eos: true, temperature: 0 } },
  }),
};

function idsOf({ status, json }: Answer): number[] {
  expect(status).toBe(200);
  return (json["choices"] as { token_ids: number[] }[])[0]!.token_ids;
}

/** The answer's ids and how many tokens prefill has read from decode for it. */
async function ask({ path, body }: Api, ids: readonly number[], session: string) {
  const before = await promptTokens(pair.prefill);
  const answer = await post(pair.pdserve.url, path, body(ids, session));
  const after = await promptTokens(pair.prefill);
  expect(answer.headers.get("x-pdserve-handoff")).toBe("NixlConnector");
  expect(answer.text).not.toContain("remote_");
  return { ids: idsOf(answer), read: after.transferred - before.transferred };
}

async function plain(ids: readonly number[]): Promise<number[]> {
  return idsOf(await post(pair.plain, completions.path, completions.body(ids, "plain")));
}

for (const [api, session] of [[completions, "one"], [generate, "two"]] as const) {
  test(`${api.path}: three turns, each begun with the KV that decode has of the one before`, async () => {
    let ids = letters(
      `[${session} ${process.pid}] the quick brown fox jumps over the lazy dog; pack my box with jugs.`,
    );
    const reads: number[] = [];
    for (const words of [" And now the second turn.", " And a third, which is the last.", ""]) {
      const answer = await ask(api, ids, session);
      expect(answer.ids).toEqual(await plain(ids));
      reads.push(answer.read);
      ids = [...ids, ...answer.ids, ...letters(words)];
    }
    const [first, ...later] = reads;
    expect(first).toBe(0);
    for (const read of later) expect(read).toBeGreaterThanOrEqual(64);
  });
}

test("a prompt whose middle is another: only what stands before it is read, and the tokens are right", async () => {
  const start = letters(`[middle ${process.pid}] one two three four five six seven eight nine ten eleven twelve.`);
  const first = await ask(completions, start, "middle");
  const changed = [...start, ...first.ids, ...letters(" And now?")];
  for (const at of [130, 131, 132]) changed[at] = changed[at] === 65 ? 66 : 65;
  const second = await ask(completions, changed, "middle");
  expect(second.ids).toEqual(await plain(changed));
  expect(second.read).toBeLessThanOrEqual(128);
  // Nothing wrong has stayed in a cache either.
  expect((await ask(completions, changed, "another")).ids).toEqual(await plain(changed));
});

test("a prompt that is another from its first token on reads nothing", async () => {
  const start = letters(`[first ${process.pid}] one two three four five six seven eight nine ten eleven twelve.`);
  const first = await ask(completions, start, "first");
  const changed = [33, ...start.slice(1), ...first.ids, ...letters(" And now?")];
  const second = await ask(completions, changed, "first");
  expect(second.ids).toEqual(await plain(changed));
  expect(second.read).toBe(0);
});

test("after a reset of the prefix caches nothing of before is read", async () => {
  const start = letters(`[reset ${process.pid}] one two three four five six seven eight nine ten eleven twelve.`);
  const first = await ask(completions, start, "reset");
  const next = [...start, ...first.ids, ...letters(" And now?")];
  const socket = `${pair.pdserve.runDir}/control.sock`;
  await fetch("http://run/router/reset_prefix_cache", { unix: socket, method: "POST" });
  const second = await ask(completions, next, "reset");
  expect(second.ids).toEqual(await plain(next));
  expect(second.read).toBe(0);
});

test("each read has done its part: nothing failed on the way", async () => {
  const metrics = await (await fetch(`${pair.pdserve.url}/metrics`)).text();
  expect(metrics).toMatch(/^pdserve_turn_reuses_total\{outcome="read"\} [4-9]$/m);
  expect(metrics).not.toContain('outcome="failed"');
  for (const worker of [pair.prefill, pair.decode]) {
    expect(await counter(worker.url, "vllm:nixl_num_failed_transfers_total")).toBe(0);
  }
});
