// Scenarios of SMG's published PD topology suite that need no GPU, on two real vLLM 0.32 processes with KV over NIXL. Those that
// lose, add or remove workers are on simulated engines (tests/router/topology_test.ts), kills of real ones in kills_test.ts.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { counter } from "./read_engine.ts";
import { promptTokens, type RealPair, startRealPair } from "./real_pair.ts";
import { type Answer, expectSame, freshPrompt, post, withModel } from "./requests.ts";

const WINDOW = 4;
let pair: RealPair;

beforeAll(async () => {
  pair = await startRealPair(["--max-handoffs", String(WINDOW)]);
}, 600_000);

afterAll(async () => {
  await pair?.stop();
}, 60_000);

const path = "/v1/completions";
const textOf = ({ json }: Answer) => (json["choices"] as readonly { readonly text: string }[])[0]!.text;
const split = (body: unknown) => post(pair.pdserve.url, path, body);
const plain = (body: unknown) => post(pair.plain, path, body);

test("16 echoes at once do not cross, and each goes on as a plain engine's", async () => {
  const prompts = Array.from({ length: 16 }, (_, i) => `word-${i} ${freshPrompt(8 + i)}`);
  const bodies = prompts.map((prompt) => withModel({ prompt, max_tokens: 8, echo: true }));
  const before = await promptTokens(pair.decode);
  const answers = await Promise.all(bodies.map(split));
  const after = await promptTokens(pair.decode);
  for (const [index, answer] of answers.entries()) {
    expect(textOf(answer)).toStartWith(prompts[index]!);
    expect(answer.headers.get("x-pdserve-handoff")).toBe("NixlConnector");
    expectSame(answer, await plain(bodies[index]));
  }
  expect(after.computed - before.computed).toBe(0);
});

test("a secret in a long prompt is handed over whole, and again in each further turn", async () => {
  // The model's tokens are bytes, and it takes 2048 of them.
  let prompt = `${freshPrompt(90)} the secret is 4242, ${freshPrompt(60)}`;
  for (let turn = 0; turn < 3; turn++) {
    const body = withModel({ prompt, max_tokens: 12, echo: true });
    const before = await promptTokens(pair.decode);
    const answer = await split(body);
    const after = await promptTokens(pair.decode);
    expect(textOf(answer)).toStartWith(prompt);
    expectSame(answer, await plain(body));
    expect(after.computed - before.computed).toBe(0);
    expect(after.transferred - before.transferred).toBeGreaterThan(0);
    prompt = `${prompt} turn ${turn}: ${freshPrompt(6)}, and what was it?`;
  }
});

test("streams that are left leave nothing running on either worker, and no KV held", async () => {
  const count = 4;
  const tokens = 1_200;
  const generated = () => counter(pair.decode.url, "vllm:generation_tokens_total");
  const before = await generated();
  const leave = Array.from({ length: count }, () => new AbortController());
  await Promise.all(leave.map(async ({ signal }) => {
    const body = withModel({ prompt: freshPrompt(20), max_tokens: tokens, ignore_eos: true, stream: true });
    const headers = { "content-type": "application/json" };
    const response = await fetch(pair.pdserve.url + path, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
      signal,
    });
    expect(response.status).toBe(200);
    await response.body!.getReader().read();
  }));
  for (const each of leave) each.abort();
  await until(isIdle);
  expect(await generated() - before).toBeLessThan(count * tokens);
});

test("n = 4 gives the four choices of one worker, as a plain engine does", async () => {
  const body = withModel({ prompt: freshPrompt(20), max_tokens: 6, n: 4, temperature: 0.7, seed: 5 });
  const answer = await split(body);
  expect(answer.json["choices"]).toHaveLength(4);
  expect(answer.headers.get("x-pdserve-handoff")).toBe("none; reason=n");
  expectSame(answer, await plain(body));
});

test(`a burst of 24 on a window of ${WINDOW}: all right in the end, never more than ${WINDOW} handoffs at once`, async () => {
  const bodies = Array.from({ length: 24 }, (_, i) => withModel({ prompt: freshPrompt(20 + i), max_tokens: 4 }));
  const handoffs = () => counter(pair.pdserve.url, "pdserve_worker_handoffs", 'worker="prefill-0"');
  const seen: number[] = [];
  const answers = await Promise.all(bodies.map(async (body) => {
    const answer = await split(body);
    seen.push(await handoffs());
    return answer;
  }));
  for (const [index, answer] of answers.entries()) expectSame(answer, await plain(bodies[index]));
  expect(Math.max(...seen)).toBeWithin(1, WINDOW + 1);
  await until(isIdle);
});

async function isIdle(): Promise<boolean> {
  const engines = [pair.prefill.url, pair.decode.url].flatMap((url) =>
    ["vllm:num_requests_running", "vllm:num_requests_waiting"].map((name) => counter(url, name))
  );
  const router = ["opened", "spent"].map((state) =>
    counter(pair.pdserve.url, "pdserve_kv_handles", `state="${state}"`)
  );
  return (await Promise.all([...engines, ...router])).every((value) => value === 0);
}

/** The test's own time limit ends a wait that never does. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!await holds()) await Bun.sleep(100);
}
