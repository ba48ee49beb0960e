// Sessions of token ids: what prefill is given of the turn before, and when it is given nothing.

import { expect, test } from "bun:test";
import { type Call, type FakeFleet, type FleetOptions, makeFakeFleet, prefillBody, until } from "./fake_fleet.ts";

const TTL_MS = 60_000;
const held = {
  do_remote_prefill: false,
  do_remote_decode: true,
  remote_engine_id: "engine-of-decode-0",
  remote_host: "127.0.0.1",
  remote_port: 5620,
  tp_size: 1,
  transfer_mode: "pull",
};

const ids = (count: number, from = 0) => Array.from({ length: count }, (_, at) => 1000 + from + at);

/** Answers with `count` ids that follow those of the prompt, and says where their KV lies, in blocks of 32. */
function answerTurn(call: Call, count = 40): void {
  const prompt: number[] = call.json.prompt ?? call.json.token_ids ?? call.json.tokens;
  const tokens = prompt.length + count - 1;
  call.answer(200, {
    choices: [{ index: 0, text: "…", finish_reason: "length", token_ids: ids(count, prompt.length) }],
    usage: { prompt_tokens: prompt.length, completion_tokens: count },
    kv_transfer_params: {
      ...held,
      remote_block_ids: [Array.from({ length: Math.ceil(tokens / 32) }, (_, at) => at)],
      remote_request_id: `turn-of-${tokens}`,
      remote_num_tokens: tokens,
    },
  });
}

function sessions(options: FleetOptions = {}): FakeFleet {
  const fleet = makeFakeFleet({ ...options, settings: { turnReuseMs: TTL_MS, ...options.settings } });
  for (const name of options.workers ?? ["decode-0"]) {
    if (name.startsWith("decode")) fleet.script(name, (call) => answerTurn(call));
  }
  return fleet;
}

const turn = (prompt: readonly number[], more: Record<string, unknown> = {}) => ({
  model: "tiny",
  prompt,
  max_tokens: 40,
  return_token_ids: true,
  session_id: "a",
  ...more,
});

/** The first turn has 100 ids and 40 more; its KV holds 139 tokens. */
const first = turn(ids(100));
const second = turn(ids(200));

async function ask(fleet: FakeFleet, ...bodies: readonly Record<string, unknown>[]): Promise<Response[]> {
  const answers: Response[] = [];
  for (const body of bodies) answers.push(await fleet.post("/v1/completions", body));
  return answers;
}

// deno-lint-ignore no-explicit-any
const toPrefill = (fleet: FakeFleet): any[] => fleet.callsTo("prefill-0").map(({ json }) => json.kv_transfer_params);
const reads = (fleet: FakeFleet): (string | null)[] =>
  toPrefill(fleet).map((params) => params.remote_request_id ?? null);

test("prefill gets decode's params of the turn before when the prompt begins with that turn, once", async () => {
  const fleet = sessions();
  const [answer] = await ask(fleet, first);
  expect(JSON.stringify(await answer!.json())).not.toContain("remote_");
  await ask(fleet, second, second);
  expect(reads(fleet)).toEqual([null, "turn-of-139", "turn-of-239"]);
  expect(toPrefill(fleet)[1]).toMatchObject({
    do_remote_decode: true,
    do_remote_prefill: false,
    remote_num_tokens: 139,
  });
  expect(fleet.metric('pdserve_turn_reuses_total{outcome="read"}')).toBe(2);
});

test("where a token differs, only the whole blocks before it are given", async () => {
  const fleet = sessions();
  const changed = ids(200);
  changed[110] = 7;
  await ask(fleet, first, turn(changed));
  expect(toPrefill(fleet)[1]).toMatchObject({ remote_num_tokens: 96, remote_block_ids: [[0, 1, 2]] });
});

test("where the prompt leaves the turn early, nothing is given", async () => {
  const fleet = sessions();
  const changed = ids(200);
  changed[50] = 7;
  await ask(fleet, first, turn(changed));
  expect(reads(fleet)).toEqual([null, null]);
});

const strangers: readonly (readonly [what: string, before: Record<string, unknown>, next: Record<string, unknown>])[] =
  [
    ["another session", first, { ...second, session_id: "b" }],
    ["no session", { ...first, session_id: undefined }, { ...second, session_id: undefined }],
    ["another model, say an adapter", first, { ...second, model: "lora" }],
    ["another cache_salt", first, { ...second, cache_salt: "x" }],
    ["a stream", first, { ...second, stream: true }],
    ["text", first, { ...second, prompt: "Hello" }],
    ["a truncated prompt", first, { ...second, truncate_prompt_tokens: 150 }],
    ["no new token", first, { ...second, prompt: ids(60) }],
  ];

for (const [what, before, next] of strangers) {
  test(`${what} is no next turn`, async () => {
    const fleet = sessions();
    fleet.script(
      "decode-0",
      (call) => Array.isArray(call.json.prompt) ? answerTurn(call) : call.answer(200, { id: "x" }),
    );
    await ask(fleet, before, next);
    expect(reads(fleet)).toEqual([null, null]);
  });
}

const untold: readonly (readonly [what: string, change: Record<string, unknown>])[] = [
  ["tells no ids", { choices: [{ index: 0, text: "…" }] }],
  ["has two choices", { choices: [{ token_ids: ids(40, 100) }, { token_ids: ids(40, 100) }] }],
  ["has read another prompt", { choices: [{ token_ids: ids(40, 100), prompt_token_ids: ids(99) }] }],
  ["has counted another prompt", { usage: { prompt_tokens: 101 } }],
  ["holds more than it can", {
    kv_transfer_params: { ...held, remote_block_ids: [[1, 2, 3, 4, 5]], remote_num_tokens: 140 },
  }],
];

for (const [what, change] of untold) {
  test(`an answer that ${what} is kept for nobody`, async () => {
    const fleet = sessions();
    let isFirst = true;
    fleet.script("decode-0", (call) => {
      if (!isFirst) return answerTurn(call);
      isFirst = false;
      const answer = call.answer;
      answerTurn({ ...call, answer: (status, body) => answer.call(call, status, { ...body as object, ...change }) });
    });
    await ask(fleet, first, second);
    expect(reads(fleet)).toEqual([null, null]);
  });
}

test("near the end of decode's time nothing is given", async () => {
  const fleet = sessions();
  await ask(fleet, first);
  fleet.clock.nowMs += (TTL_MS - 10_000) * 0.8 + 1;
  await ask(fleet, second);
  expect(reads(fleet)).toEqual([null, null]);
});

test("what a decode worker held is gone with its process", async () => {
  const fleet = sessions();
  await ask(fleet, first);
  fleet.change((snapshot) => ({ ...snapshot, workers: snapshot.workers.map((one) => ({ ...one, generation: 2 })) }));
  await ask(fleet, second);
  expect(reads(fleet)).toEqual([null, null]);
});

for (const path of ["/update_weights", "/reset_prefix_cache", "/sleep", "/next_version/cache_clear"]) {
  test(`${path} makes all turns before it, and those that run, worthless`, async () => {
    const fleet = sessions();
    for (const name of ["prefill-0", "decode-0"]) {
      fleet.script(name, (call) => {
        if (call.path !== "/v1/completions") return call.answer(200, {});
        return name === "decode-0" ? answerTurn(call) : call.answer(200, prefillBody);
      });
    }
    const change = () => fleet.router.admin(new Request(`http://admin${path}`, { method: "POST", body: "{}" }));
    await ask(fleet, first);
    await change();
    let running: Call | null = null;
    fleet.script("decode-0", (call) => {
      if (call.path !== "/v1/completions") call.answer(200, {});
      else running = call;
    });
    const answering = ask(fleet, second);
    await until(() => running !== null);
    // An update waits for handoffs, so for this one.
    const changing = change();
    await until(() => fleet.calls.some((call) => call.path !== "/v1/completions") || path === "/update_weights");
    answerTurn(running!);
    await Promise.all([answering, changing]);
    fleet.script("decode-0", (call) => answerTurn(call));
    await ask(fleet, turn(ids(300)));
    const asked = fleet.callsTo("prefill-0").filter((call) => call.path === "/v1/completions");
    expect(asked.map(({ json }) => json.kv_transfer_params.remote_request_id ?? null)).toEqual([null, null, null]);
  });
}

test("a prefill that hangs on the read is given up, and asked again without it under another id", async () => {
  const fleet = sessions();
  await ask(fleet, first);
  fleet.script("prefill-0", (call) => {
    if (call.json.kv_transfer_params.remote_request_id == null) call.answer(200, prefillBody);
  });
  const answering = ask(fleet, second);
  await until(() => fleet.callsTo("prefill-0").length === 2);
  fleet.clock.nowMs += 6_000;
  const [answer] = await answering;
  expect(answer!.status).toBe(200);
  expect(reads(fleet)).toEqual([null, "turn-of-139", null]);
  const [, hung, again] = fleet.callsTo("prefill-0");
  expect(hung!.aborted).toBe(true);
  expect(again!.headers["x-request-id"]).not.toBe(hung!.headers["x-request-id"]);
  expect(fleet.metric('pdserve_turn_reuses_total{outcome="failed"}')).toBe(1);
  // Slow reading is nobody's fault, and no attempt of the request's is spent.
  expect(fleet.metric('pdserve_retries_total{leg="prefill"}')).toBeNull();
});

test("after a read that failed, what else lies on that decode worker is not read", async () => {
  const fleet = sessions();
  await ask(fleet, first, { ...first, session_id: "b" });
  fleet.script("prefill-0", (call) => {
    if (call.json.kv_transfer_params.remote_request_id == null) call.answer(200, prefillBody);
    else call.answer(500, { error: { message: "no" } });
  });
  await ask(fleet, second, { ...second, session_id: "b" });
  expect(reads(fleet)).toEqual([null, null, "turn-of-139", null, null]);
});

const generate = (count: number) => ({ token_ids: ids(count), sampling_params: { max_tokens: 40 }, session_id: "a" });
const chatOfTokens = (count: number, content: unknown) => ({
  tokens: ids(count),
  messages: [{ role: "user", content }],
  return_token_ids: true,
  session_id: "a",
});

const others: readonly (readonly [what: string, path: string, bodies: readonly unknown[], read: boolean])[] = [
  ["tokens in, tokens out", "/inference/v1/generate", [generate(100), generate(200)], true],
  ["with media", "/inference/v1/generate", [100, 200].map((count) => ({ ...generate(count), features: {} })), false],
  ["a chat of tokens", "/chat/completions/tokens", [chatOfTokens(100, "Hi"), chatOfTokens(200, "Hi")], true],
  [
    "a chat of tokens with an image",
    "/v1/chat/completions/tokens",
    [100, 200].map((count) => chatOfTokens(count, [{ type: "image_url", image_url: { url: "data:," } }])),
    false,
  ],
];

for (const [what, path, bodies, read] of others) {
  test(`${path}, ${what}: the turn before is ${read ? "read" : "not read"}`, async () => {
    const fleet = sessions();
    for (const body of bodies) expect((await fleet.post(path, body)).status).toBe(200);
    expect(reads(fleet)).toEqual([null, read ? "turn-of-139" : null]);
  });
}

test("responses as streams go whole, since their last event would tell where the turn lies", async () => {
  const fleet = sessions();
  const body = { model: "tiny", input: "Hi", stream: true };
  fleet.script("decode-0", (call) => call.answer(200, { id: "x" }));
  expect((await fleet.post("/v1/responses", body)).headers.get("x-pdserve-handoff")).toBe("none; reason=turn_reuse");
  expect((await fleet.post("/v1/responses", { ...body, stream: false })).headers.get("x-pdserve-handoff")).toBe(
    "NixlConnector",
  );
});

test("without the option nothing is kept", async () => {
  const fleet = sessions({ settings: { turnReuseMs: null } });
  await ask(fleet, first, second);
  expect(reads(fleet)).toEqual([null, null]);
});
