// SGLang's legs through the router: the wire-level acceptance tests of its gateway's protocol, on scripted workers.

import { expect, test } from "bun:test";
import { sglangNixl } from "../../kv/sglang.ts";
import { type Call, eventStream, type FakeFleet, makeFakeFleet, type Script, until } from "./fake_fleet.ts";

const silent = () => {};

function sglangFleet(workers?: string[]): FakeFleet {
  return makeFakeFleet({ connector: sglangNixl, ...(workers === undefined ? {} : { workers }) });
}

function answering(fleet: FakeFleet, prefill: unknown, decode: unknown): void {
  fleet.script("prefill-0", (call) => call.answer(200, prefill));
  fleet.script("decode-0", (call) => call.answer(200, decode));
}

const generate = (members: Record<string, unknown> = {}) => ({
  text: "Hello",
  sampling_params: { temperature: 0, max_new_tokens: 4 },
  ...members,
});
const said = (meta: Record<string, unknown> = {}) => ({ text: "x", output_ids: [120], meta_info: meta });
const roomOf = ({ json }: Call): number => json.bootstrap_room;

test("both legs get the same host, port and room at once, and nothing else differs but the stream", async () => {
  const fleet = sglangFleet();
  for (const worker of ["prefill-0", "decode-0"]) fleet.script(worker, silent);
  const body = generate({ stream: true, return_logprob: true, seed: 12345678901234567890n.toString() });
  const asking = fleet.post("/generate", body);
  await until(() => fleet.calls.length === 2);
  const [prefill, decode] = [fleet.callsTo("prefill-0")[0]!, fleet.callsTo("decode-0")[0]!];
  const { bootstrap_host, bootstrap_port, bootstrap_room, ...own } = decode.json;
  expect(prefill.json).toEqual({ ...own, bootstrap_host, bootstrap_port, bootstrap_room, stream: false });
  expect(own).toEqual(body);
  expect([typeof bootstrap_host, typeof bootstrap_port]).toEqual(["string", "number"]);
  prefill.answer(200, said());
  decode.answer(200, said());
  await (await asking).text();
});

test("rooms are never repeated, start at 1 and stay below 2^53; a batch has one for each of its prompts", async () => {
  const fleet = sglangFleet();
  answering(fleet, [said()], [said()]);
  const batch = { text: ["one", "two", "three"] };
  for (let i = 0; i < 50; i++) await (await fleet.post("/generate", i % 2 === 0 ? generate(batch) : generate())).text();
  const taken = fleet.callsTo("decode-0").flatMap((call) =>
    Array.from({ length: Array.isArray(call.json.text) ? 3 : 1 }, (_, at) => roomOf(call) + at)
  );
  expect(new Set(taken).size).toBe(100);
  expect(Math.min(...taken)).toBeGreaterThanOrEqual(1);
  expect(Math.max(...taken)).toBeLessThan(2 ** 53);
});

test("a client's own rooms are overwritten on both legs", async () => {
  const fleet = sglangFleet();
  answering(fleet, said(), said());
  const stray = { bootstrap_host: "192.0.2.1", bootstrap_port: 1, bootstrap_room: 0 };
  await (await fleet.post("/generate", generate(stray))).text();
  for (const { json } of fleet.calls) {
    expect(json.bootstrap_host).not.toBe("192.0.2.1");
    expect([json.bootstrap_port === 1, json.bootstrap_room === 0]).toEqual([false, false]);
  }
});

test("n above 1 is refused with 400 on each route: decode would wait for ever", async () => {
  const fleet = sglangFleet();
  const chat = { model: "m", messages: [{ role: "user", content: "Hi" }], n: 2 };
  for (
    const [path, body] of [
      ["/generate", generate({ sampling_params: { n: 2 } })],
      ["/v1/chat/completions", chat],
      ["/v1/completions", { model: "m", prompt: "Hi", n: 2 }],
    ] as const
  ) {
    const answer = await fleet.post(path, body);
    expect(answer.status).toBe(400);
    expect(await fleet.errorOf(answer)).toMatchObject({ param: "n" });
  }
  expect(fleet.calls).toEqual([]);
});

for (const prompt of [{ text: "" }, { input_ids: [] }, { text: ["a", ""] }, { input_ids: [[1], []] }]) {
  test(`a prompt without a token is refused, since it would end the engine: ${JSON.stringify(prompt)}`, async () => {
    const fleet = sglangFleet();
    const { text: _, ...rest } = generate();
    const answer = await fleet.post("/generate", { ...rest, ...prompt });
    expect(answer.status).toBe(400);
    expect(await fleet.errorOf(answer)).toMatchObject({ param: "empty_prompt" });
    expect(fleet.calls).toEqual([]);
  });
}

test("a text that speaks of empty lists and strings is no empty prompt", async () => {
  const fleet = sglangFleet();
  answering(fleet, said(), said());
  for (const text of ['f(a, [], "")', ['g([], "", 1)', "[]"]]) {
    expect((await fleet.post("/generate", generate({ text }))).status).toBe(200);
  }
});

test("/generate without sampling_params is split too", async () => {
  const fleet = sglangFleet();
  answering(fleet, said(), said());
  expect((await fleet.post("/generate", { text: "Hi" })).status).toBe(200);
  expect(fleet.calls.map(({ worker }) => worker).sort()).toEqual(["decode-0", "prefill-0"]);
});

const row = '[[null,72,null],[-8.649701118469238,101,"]"]]';

test("the prompt's log-probabilities are prefill's and then decode's, every digit as it came", async () => {
  const fleet = sglangFleet();
  fleet.script("prefill-0", raw(`{"text":"x","meta_info":{"input_token_logprobs":${row},"n":1.0}}`));
  fleet.script(
    "decode-0",
    raw('{"text":"xy","meta_info":{"input_token_logprobs":[[-0.50,7,null]],"seed":12345678901234567890}}'),
  );
  const text = await (await fleet.post("/generate", generate({ return_logprob: true }))).text();
  const joined = `${row.slice(0, -1)},[-0.50,7,null]]`;
  expect(text).toBe(`{"text":"xy","meta_info":{"input_token_logprobs":${joined},"seed":12345678901234567890}}`);
});

test("of a batch each prompt gets its own part", async () => {
  const fleet = sglangFleet();
  const one = (logprob: number) =>
    said({ input_token_logprobs: [[logprob, 1, null]], input_top_logprobs: [[logprob]] });
  answering(fleet, [one(-1.5), one(-2.5)], [
    said({ input_token_logprobs: [], input_top_logprobs: [] }),
    said({ input_token_logprobs: [], input_top_logprobs: [] }),
  ]);
  const answer = await fleet.post("/generate", generate({ text: ["a", "b"], return_logprob: true }));
  expect(await answer.json()).toEqual([one(-1.5), one(-2.5)]);
});

test("each event of a stream gets prefill's part, wherever its chunks end", async () => {
  const fleet = sglangFleet();
  fleet.script("prefill-0", raw(`{"meta_info":{"input_token_logprobs":${row}}}`));
  fleet.script("decode-0", (call) => {
    call.head(200, eventStream);
    for (const piece of ['data: {"meta_info":{"input_token_logprobs":[]', '}}\n\ndata: {"meta_info":{"input_to']) {
      call.data(piece);
    }
    call.data('ken_logprobs":[]}}\n\ndata: [DONE]\n\n');
    call.end();
  });
  const answer = await fleet.post("/generate", generate({ stream: true, return_logprob: true }));
  const event = `data: {"meta_info":{"input_token_logprobs":${row}}}\n\n`;
  expect(await answer.text()).toBe(`${event}${event}data: [DONE]\n\n`);
});

test("routed experts of the prompt are prefill's bytes, those of the answer decode's", async () => {
  const fleet = sglangFleet();
  const experts = (...bytes: number[]) => said({ routed_experts: Buffer.from(bytes).toString("base64") });
  answering(fleet, experts(1, 2, 3, 4), experts(0, 0, 0, 0, 5, 6, 7, 8));
  const answer = await fleet.post("/generate", generate({ return_routed_experts: true }));
  expect(await answer.json()).toEqual(experts(1, 2, 3, 4, 5, 6, 7, 8));
});

test("decode that answers first waits for prefill only where a part of its answer is there", async () => {
  const fleet = sglangFleet();
  fleet.script("prefill-0", silent);
  fleet.script("decode-0", (call) => call.answer(200, said()));
  expect(await (await fleet.post("/generate", generate())).json()).toEqual(said());
});

test("a stream that begins aborted is tried again with another pair and another room", async () => {
  const fleet = sglangFleet(["prefill-0", "prefill-1", "decode-0", "decode-1"]);
  const lost = { type: "abort", message: "timed out after 300.0s", status_code: 500, err_type: null };
  const start = `data: ${JSON.stringify({ text: "", output_ids: [], meta_info: { finish_reason: lost } })}\n\n`;
  for (const worker of ["prefill-0", "prefill-1"]) fleet.script(worker, (call) => call.answer(200, said()));
  fleet.script("decode-0", streaming(`${start}data: [DONE]\n\n`));
  fleet.script("decode-1", streaming("data: [DONE]\n\n"));
  const answer = await fleet.post("/generate", generate({ stream: true }));
  expect(await answer.text()).toBe("data: [DONE]\n\n");
  expect(answer.headers.get("x-pdserve-decode")).toBe("decode-1");
  expect(roomOf(fleet.callsTo("decode-0")[0]!)).not.toBe(roomOf(fleet.callsTo("decode-1")[0]!));
});

test("prefill's 4xx is the client's, and decode is let go at once", async () => {
  const fleet = sglangFleet();
  fleet.script("prefill-0", (call) => call.answer(400, { error: { message: "too long" } }));
  fleet.script("decode-0", silent);
  expect((await fleet.post("/generate", generate())).status).toBe(400);
  expect(fleet.callsTo("decode-0")[0]!.aborted).toBe(true);
});

test("a client that leaves ends both legs at once", async () => {
  const fleet = sglangFleet();
  for (const worker of ["prefill-0", "decode-0"]) fleet.script(worker, silent);
  const client = new AbortController();
  void fleet.post("/generate", generate(), { signal: client.signal });
  await until(() => fleet.calls.length === 2);
  client.abort();
  expect(fleet.calls.map((call) => call.aborted)).toEqual([true, true]);
});

function raw(text: string): Script {
  return (call) => {
    call.head(200, { "content-type": "application/json" });
    call.data(text);
    call.end();
  };
}

function streaming(text: string): Script {
  return (call) => {
    call.head(200, eventStream);
    call.data(text);
    call.end();
  };
}
