// Answers that an engine broke off by itself, and those that somebody wanted to be broken off.

import { expect, test } from "bun:test";
import { makeAskedAborts, saysAborted, whyBroken } from "../../router/engine_abort.ts";
import { makeStreamTail } from "../../router/stream_tail.ts";
import {
  type Call,
  completion,
  decodeBody,
  events,
  eventStream,
  type FakeFleet,
  makeFakeFleet,
  until,
} from "./fake_fleet.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** The last event of a real vLLM 0.32.0 that got SIGTERM. */
const lastEvent = 'data: {"id":"cmpl-a0b2","object":"text_completion","created":1795254643,"model":"tiny","choices":' +
  '[{"index":0,"text":"","logprobs":null,"finish_reason":"abort","stop_reason":null,"prompt_token_ids":null,' +
  '"token_ids":null}],"system_fingerprint":"vllm-0.32.0-311d0c98"}\n\n';
const usage = `data: {"choices":[],"usage":{"prompt_tokens":5,"total_tokens":7,"completion_tokens":2}}\n\n`;

const told: readonly (readonly [what: string, text: string, says: boolean])[] = [
  ["vLLM's last event", lastEvent, true],
  ["SGLang's", 'data: {"text":"a","meta_info":{"finish_reason":{"type":"abort","message":"Aborted"}}}\n\n', true],
  ["a usual end", lastEvent.replace('"abort"', '"stop"'), false],
  ["no end yet", lastEvent.replace('"abort"', "null"), false],
  ["a text about it", JSON.stringify({ choices: [{ text: '"finish_reason":"abort"' }] }), false],
];

for (const [what, text, says] of told) {
  test(`${what}: ${says ? "an abort" : "none"}`, () => {
    expect(saysAborted(bytes(text), "completions")).toBe(says);
  });
}

/** A real vLLM 0.32.0's, whose engine was gone before it could abort. */
const engineGone =
  'data: {"error": {"message": "EngineCore encountered an issue. See stack trace (above) for the root cause.", ' +
  '"type": "InternalServerError", "param": null, "code": 500}}\n\n';

test("an engine's error at the end of a stream is no complete answer, one about the request is", () => {
  const end = (text: string) => whyBroken(bytes(text), "chat", true);
  expect(end(events.second + engineGone + events.done)).toBe("error");
  expect(end(engineGone)).toBe("error");
  expect(end(engineGone.replace("500", "400") + events.done)).toBeNull();
  expect(end(`data: ${JSON.stringify({ choices: [{ text: engineGone }] })}\n\n${events.done}`)).toBeNull();
  expect(end(events.second + events.done)).toBeNull();
});

test("an abort that somebody asked for while the request ran is its answer", () => {
  let nowMs = 100;
  const aborts = makeAskedAborts(() => nowMs);
  expect(aborts.isAskedSince(50)).toBe(false);
  aborts.note();
  nowMs = 200;
  expect([50, 150].map(aborts.isAskedSince)).toEqual([true, false]);
});

test("a stream's tail is its last bytes, however they came", () => {
  const tail = makeStreamTail(8);
  const seen = ["", "a", "bc", "defgh", "ij", "0123456789", "x"].map((text) => {
    tail.add(bytes(text));
    return new TextDecoder().decode(tail.bytes());
  });
  expect(seen).toEqual(["", "a", "abc", "abcdefgh", "cdefghij", "23456789", "3456789x"]);
});

async function streamThatEnds(fleet: FakeFleet, parts: readonly string[], meanwhile = async () => {}): Promise<string> {
  let call: Call | null = null;
  fleet.script("decode-0", (given) => {
    if (given.path !== "/v1/completions") return given.answer(200, {});
    call = given;
    given.head(200, eventStream);
    given.data(events.first);
  });
  const response = await fleet.post("/v1/completions", completion({ stream: true }));
  const reading = response.text();
  await until(() => call !== null);
  await meanwhile();
  for (const part of parts) await call!.data(part);
  call!.end();
  return await reading;
}

const endings = (fleet: FakeFleet) =>
  ["complete", "cut"].map((end) =>
    fleet.metric(`pdserve_requests_total{path="/v1/completions",code="200",end="${end}"}`) ?? 0
  );

for (
  const [how, parts] of [
    ["in one chunk", [lastEvent + events.done]],
    ["one by one", [lastEvent, usage, events.done]],
    ["cut in the middle", [lastEvent.slice(0, 180), lastEvent.slice(180) + usage, events.done]],
  ] as const
) {
  test(`a stream that its engine aborts goes on as it is, and counts as cut: ${how}`, async () => {
    const fleet = makeFakeFleet();
    expect(await streamThatEnds(fleet, parts)).toBe(events.first + parts.join(""));
    expect(endings(fleet)).toEqual([0, 1]);
    expect(fleet.metric('pdserve_leg_failures_total{leg="decode",worker="decode-0",failure="aborted"}')).toBe(1);
    expect(fleet.log.join()).toContain("finish_reason abort");
    expect(fleet.metric('pdserve_handoffs_total{handoff="NixlConnector"}')).toBeNull();
    expect(fleet.metric('pdserve_kv_handles{state="failed"}')).toBe(1);
  });
}

test("a stream that ends with its engine's error goes on as it is, and counts as cut", async () => {
  const fleet = makeFakeFleet();
  expect(await streamThatEnds(fleet, [engineGone, events.done])).toBe(events.first + engineGone + events.done);
  expect(endings(fleet)).toEqual([0, 1]);
  expect(fleet.metric('pdserve_leg_failures_total{leg="decode",worker="decode-0",failure="error"}')).toBe(1);
});

test("a stream that is aborted by a pause is complete", async () => {
  const fleet = makeFakeFleet();
  await streamThatEnds(fleet, [lastEvent + events.done], async () => {
    fleet.script("prefill-0", (call) => call.answer(200, {}));
    await fleet.router.admin(new Request("http://admin/pause?mode=abort", { method: "POST" }));
  });
  expect(endings(fleet)).toEqual([1, 0]);
});

test("an answer that is aborted by /abort_request is the client's, and nobody is asked again", async () => {
  const fleet = makeFakeFleet({ workers: ["prefill-0", "prefill-1", "decode-0", "decode-1"] });
  let call: Call | null = null;
  for (const name of ["decode-0", "decode-1"]) {
    fleet.script(name, (given) => given.path === "/v1/completions" ? void (call = given) : given.answer(200, {}));
  }
  const answering = fleet.post("/v1/completions", completion());
  await until(() => call !== null);
  await fleet.router.admin(new Request("http://admin/abort_request", { method: "POST", body: '{"abort_all":true}' }));
  call!.answer(200, { ...decodeBody, choices: [{ index: 0, text: "the", finish_reason: "abort" }] });
  expect((await answering).status).toBe(200);
  expect(fleet.calls.filter(({ path }) => path === "/v1/completions")).toHaveLength(2);
});

test("a request that goes whole is asked again of another worker too", async () => {
  const fleet = makeFakeFleet({ workers: ["prefill-0", "decode-0", "decode-1"] });
  fleet.script("decode-0", (call) => {
    call.answer(200, { ...decodeBody, choices: [{ index: 0, text: "the", finish_reason: "abort" }] });
  });
  const response = await fleet.post("/v1/completions", completion({ n: 2 }));
  expect(await response.json()).toEqual(decodeBody);
  expect(fleet.calls.map(({ worker }) => worker)).toEqual(["decode-0", "decode-1"]);
});
