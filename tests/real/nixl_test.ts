// Two real vLLM 0.32 processes under pdserve, KV over NIXL. Run by `npm run test:real`.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { counter } from "./read_engine.ts";
import { model, promptTokens, type RealPair, startRealPair } from "./real_pair.ts";
import { cases, clientOf, expectSame, freshPrompt, post, withModel } from "./requests.ts";

let pair: RealPair;

beforeAll(async () => {
  pair = await startRealPair([]);
}, 600_000);

afterAll(async () => {
  await pair?.stop();
}, 60_000);

test("auto chooses NixlConnector on a CPU and says why", () => {
  const plan = pair.pdserve.events.find((event) => event.type === "plan");
  expect(plan?.["connector"]).toMatchObject({ name: "NixlConnector" });
  expect(JSON.stringify(plan?.["connector"])).toContain("nixl");
});

test("the start has proven a handoff in which decode computed nothing again", () => {
  const proof = pair.pdserve.events.find((event) => event.type === "proof");
  expect(proof).toMatchObject({ prefill: "prefill-0", decode: "decode-0", recomputed_tokens: 0 });
  expect(Number(proof?.["moved_tokens"])).toBeGreaterThan(0);
  expect(Number(proof?.["bytes"])).toBeGreaterThan(0);
});

for (const each of cases) {
  test(`${each.name}: the answer is the plain engine's`, async () => {
    const body = withModel(each.body());
    const before = await promptTokens(pair.decode);
    const split = await post(pair.pdserve.url, each.path, body);
    const after = await promptTokens(pair.decode);
    const plain = await post(pair.plain, each.path, body);
    expect(split.status).toBe(200);
    expectSame(split, plain);

    const handoff = split.headers.get("x-pdserve-handoff") ?? "";
    if (each.whole) {
      expect(handoff).toStartWith("none; reason=");
    } else {
      expect(handoff).toBe("NixlConnector");
      expect(after.transferred - before.transferred).toBeGreaterThan(0);
      expect(after.computed - before.computed).toBe(0);
    }
  });
}

test("NIXL's own byte counter grows with a request", async () => {
  const bytes = () => counter(pair.decode.url, "vllm:nixl_bytes_transferred_sum");
  const before = await bytes();
  await post(pair.pdserve.url, "/v1/completions", withModel({ prompt: freshPrompt(40), max_tokens: 2 }));
  expect(await bytes()).toBeGreaterThan(before);
});

test("the openai client streams chat and completion with usage", async () => {
  const [split, plain] = [clientOf(pair.pdserve.url), clientOf(pair.plain)];
  const messages = [{ role: "user" as const, content: freshPrompt(25) }];
  const stream = async (client: typeof split) => {
    let text = "";
    let usage: unknown = null;
    const options = { include_usage: true };
    for await (
      const part of await client.chat.completions.create({
        model,
        messages,
        temperature: 0,
        max_tokens: 20,
        stream: true,
        stream_options: options,
      })
    ) {
      text += part.choices[0]?.delta.content ?? "";
      usage = part.usage ?? usage;
    }
    return { text, usage };
  };
  expect(await stream(split)).toEqual(await stream(plain));
});

test("16 requests at once are all right, and none is computed again on decode", async () => {
  const bodies = Array.from({ length: 16 }, (_, i) => withModel({ prompt: freshPrompt(10 + i * 5), max_tokens: 10 }));
  const before = await promptTokens(pair.decode);
  const split = await Promise.all(
    bodies.map((body) => post(pair.pdserve.url, "/v1/completions", body)),
  );
  const after = await promptTokens(pair.decode);
  for (const [index, body] of bodies.entries()) {
    expectSame(split[index]!, await post(pair.plain, "/v1/completions", body));
  }
  expect(after.computed - before.computed).toBe(0);
});

test("after two prompts in one body, decode's cache still answers the second one rightly", async () => {
  const [first, second] = [freshPrompt(30), freshPrompt(30)];
  await post(pair.pdserve.url, "/v1/completions", withModel({ prompt: [first, second], max_tokens: 4 }));
  const body = withModel({ prompt: second, max_tokens: 12 });
  const split = await post(pair.pdserve.url, "/v1/completions", body);
  expectSame(split, await post(pair.plain, "/v1/completions", body));
});

test("partial transfer params of a client never reach an engine, which would die of them", async () => {
  const body = withModel({ prompt: freshPrompt(20), max_tokens: 4, kv_transfer_params: { do_remote_prefill: true } });
  const answer = await post(pair.pdserve.url, "/v1/completions", body);
  expect(answer.status).toBe(200);
  expect(answer.json["kv_transfer_params"] ?? null).toBeNull();
  expect((await fetch(`${pair.decode.url}/health`)).status).toBe(200);
});

test("a worker's 400 is the client's, word for word", async () => {
  const body = { ...withModel({ prompt: "x", max_tokens: -3 }) };
  const [split, plain] = [
    await post(pair.pdserve.url, "/v1/completions", body),
    await post(pair.plain, "/v1/completions", body),
  ];
  expect(split.status).toBe(plain.status);
  expect(split.text).toBe(plain.text);
});

test("an unknown model gets vLLM's 404", async () => {
  const body = { model: "no-such-model", prompt: "x", max_tokens: 2 };
  const [split, plain] = [
    await post(pair.pdserve.url, "/v1/completions", body),
    await post(pair.plain, "/v1/completions", body),
  ];
  expect(split.status).toBe(404);
  expect(split.json["error"]).toMatchObject({ type: (plain.json["error"] as { type: string }).type });
});

test("no lease has run out on prefill, so nothing was pinned in vain", async () => {
  expect(await counter(pair.prefill.url, "vllm:nixl_num_kv_expired_reqs_total")).toBe(0);
});

test("stopping leaves no process behind", async () => {
  expect(await pair.stop()).toEqual([]);
  expect(await pair.pdserve.exited).toBe(0);
}, 60_000);
