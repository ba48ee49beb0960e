// What the client gets when a leg fails, and what is tried again: the retry table of router/DESIGN.md, row by row.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Call,
  completion,
  decodeBody,
  events,
  eventStream,
  type FakeFleet,
  makeFakeFleet,
  prefillBody,
  until,
} from "./fake_fleet.ts";

const two = ["prefill-0", "prefill-1", "decode-0", "decode-1"];

interface Row {
  readonly what: string;
  readonly leg: "prefill" | "decode";
  readonly script: (call: Call) => void;
  /** With no other pair: the client's status. With another one, every row that may be retried ends in 200. */
  readonly status: number;
  readonly retried: boolean;
  readonly retryAfter?: string;
  readonly onlyStream?: boolean;
}

const rows: readonly Row[] = [
  {
    what: "refuses connections",
    leg: "prefill",
    script: (call) => call.fail("refused"),
    status: 503,
    retried: true,
    retryAfter: "1",
  },
  {
    what: "does not accept in time",
    leg: "prefill",
    script: (call) => call.fail("connect-timeout"),
    status: 503,
    retried: true,
    retryAfter: "1",
  },
  {
    what: "closes before it answers",
    leg: "prefill",
    script: (call) => call.fail("reset"),
    status: 502,
    retried: true,
  },
  { what: "closes inside its answer", leg: "prefill", script: cutShort, status: 502, retried: true },
  { what: "speaks no HTTP", leg: "prefill", script: (call) => call.fail("protocol"), status: 502, retried: true },
  { what: "answers 500", leg: "prefill", script: (call) => call.answer(500, engineError), status: 500, retried: true },
  {
    what: "answers 503",
    leg: "prefill",
    script: (call) => call.answer(503, engineError, { "retry-after": "7" }),
    status: 503,
    retried: true,
    retryAfter: "7",
  },
  {
    what: "answers 200 with nothing in it",
    leg: "prefill",
    script: (call) => call.answer(200, ""),
    status: 502,
    retried: true,
  },
  {
    what: "answers 200 that is no JSON",
    leg: "prefill",
    script: (call) => call.answer(200, "oops"),
    status: 502,
    retried: true,
  },
  { what: "answers 200 with finish_reason error", leg: "prefill", script: gaveUp, status: 502, retried: true },
  {
    what: "answers 200 without KV params",
    leg: "prefill",
    script: (call) => call.answer(200, { ...prefillBody, kv_transfer_params: null }),
    status: 502,
    retried: true,
  },
  {
    what: "answers 200 with partial KV params",
    leg: "prefill",
    script: (call) => call.answer(200, { ...prefillBody, kv_transfer_params: { do_remote_prefill: true } }),
    status: 502,
    retried: true,
  },
  { what: "answers 400", leg: "prefill", script: (call) => call.answer(400, engineError), status: 400, retried: false },
  { what: "answers 404", leg: "prefill", script: (call) => call.answer(404, engineError), status: 404, retried: false },
  {
    what: "answers 429",
    leg: "prefill",
    script: (call) => call.answer(429, engineError, { "retry-after": "9" }),
    status: 429,
    retried: false,
    retryAfter: "9",
  },
  {
    what: "refuses connections",
    leg: "decode",
    script: (call) => call.fail("refused"),
    status: 503,
    retried: true,
    retryAfter: "1",
  },
  { what: "closes before it answers", leg: "decode", script: (call) => call.fail("reset"), status: 502, retried: true },
  {
    what: "has a dead kept socket",
    leg: "decode",
    script: (call) => call.fail("stale"),
    status: 502,
    retried: true,
    retryAfter: "1",
  },
  { what: "closes after its status line", leg: "decode", script: headOnly, status: 502, retried: true },
  {
    what: "ends after its status line",
    leg: "decode",
    script: (call) => call.answer(200, ""),
    status: 502,
    retried: true,
  },
  {
    what: "begins its stream with an error",
    leg: "decode",
    script: errorFirst,
    status: 500,
    retried: true,
    onlyStream: true,
  },
  { what: "closes inside a complete answer", leg: "decode", script: cutShort, status: 502, retried: true },
  { what: "answers 500", leg: "decode", script: (call) => call.answer(500, engineError), status: 500, retried: true },
  {
    what: "answers 503",
    leg: "decode",
    script: (call) => call.answer(503, engineError, { "retry-after": "7" }),
    status: 503,
    retried: true,
    retryAfter: "7",
  },
  {
    what: "answers 200 with finish_reason abort",
    leg: "decode",
    script: aborts,
    status: 503,
    retried: true,
    retryAfter: "1",
  },
  { what: "answers 400", leg: "decode", script: (call) => call.answer(400, engineError), status: 400, retried: false },
  {
    what: "answers 429",
    leg: "decode",
    script: (call) => call.answer(429, engineError, { "retry-after": "9" }),
    status: 429,
    retried: false,
    retryAfter: "9",
  },
];

const engineError = { error: { message: "engine says no", type: "X", param: null, code: 1 } };

for (const stream of [false, true]) {
  describe(stream ? "stream" : "no stream", () => {
    for (const row of rows.filter(({ onlyStream }) => stream || !onlyStream)) {
      test(`${row.leg} ${row.what}: ${row.status} when there is no other pair`, async () => {
        const fleet = makeFakeFleet();
        fleet.script(`${row.leg}-0`, row.script);
        const response = await fleet.post("/v1/completions", completion({ stream }));
        const text = await response.text();
        expect(response.status).toBe(row.status);
        expect(response.headers.get("retry-after")).toBe(row.retryAfter ?? null);
        expect(text).not.toBe("");
        expect(JSON.parse(text).error.message).toBeString();
        if (text !== JSON.stringify(engineError)) {
          expect(JSON.parse(text).error).toMatchObject({ src: "pdserve", leg: row.leg, code: row.status });
        }
        expectBalanced(fleet);
      });

      const after = row.retried
        ? "another pair answers after a new prefill"
        : "the answer is the client's, nobody is asked again";
      test(`${row.leg} ${row.what}: ${after}`, async () => {
        const fleet = makeFakeFleet({ workers: two });
        fleet.script(`${row.leg}-0`, row.script);
        const response = await fleet.post("/v1/completions", completion({ stream }));
        expect(response.status).toBe(row.retried ? 200 : row.status);
        await response.text();
        const prefills = fleet.calls.filter((call) => call.worker.startsWith("prefill"));
        expect(prefills).toHaveLength(row.retried ? 2 : 1);
        const ids = new Set(prefills.map((call) => call.headers["x-request-id"]));
        expect(ids.size).toBe(prefills.length);
        expectBalanced(fleet);
      });
    }
  });
}

/** As an engine does that got SIGTERM before its first token. */
function aborts(call: Call): void {
  const choice = { index: 0, text: "", finish_reason: "abort" };
  if (call.json.stream !== true) return call.answer(200, { ...decodeBody, choices: [choice] });
  call.head(200, eventStream);
  call.data(`data: ${JSON.stringify({ choices: [choice] })}\n\n${events.done}`);
  call.end();
}

test("the retry table in router/DESIGN.md is this one", () => {
  const text = readFileSync(join(import.meta.dir, "../../router/DESIGN.md"), "utf8");
  const written = text.split("\n").map((line) => /^\| (prefill|decode) \| (.+?) \| (\d+) \| (yes|no) \|$/.exec(line))
    .filter((found) => found !== null).map(([, leg, what, status, retried]) => `${leg} ${what} ${status} ${retried}`);
  const tested = rows.map((row) => `${row.leg} ${row.what} ${row.status} ${row.retried ? "yes" : "no"}`);
  expect(written).toEqual(tested);
});

test("an error about the request at the start of a stream is the client's", async () => {
  const fleet = makeFakeFleet();
  const refusal = `data: ${JSON.stringify({ error: { message: "too long", code: 400 } })}\n\n`;
  fleet.script("decode-0", (call) => {
    call.head(200, eventStream);
    call.data(refusal + events.done);
    call.end();
  });
  const response = await fleet.post("/v1/completions", completion({ stream: true }));
  expect(response.status).toBe(200);
  expect(await response.text()).toBe(refusal + events.done);
});

test("R7: a worker's 4xx keeps its body byte for byte", async () => {
  const fleet = makeFakeFleet();
  const odd = '{ "error" : {"message":"x" , "code":400}}\n';
  fleet.script("prefill-0", (call) => call.answer(400, odd));
  const response = await fleet.post("/v1/completions", completion());
  expect(await response.text()).toBe(odd);
  expect(fleet.callsTo("decode-0")).toHaveLength(0);
});

test("R2: a decode leg that failed is not sent its handle again: each attempt prefills anew", async () => {
  const fleet = makeFakeFleet();
  let made = 0;
  fleet.script("prefill-0", (call) => {
    const params = { ...prefillBody.kv_transfer_params, remote_request_id: `r-${++made}` };
    call.answer(200, { ...prefillBody, kv_transfer_params: params });
  });
  fleet.script("decode-0", (call) => call.answer(500, engineError));
  await fleet.post("/v1/completions", completion());
  const sent = fleet.callsTo("decode-0").map((call) => call.json.kv_transfer_params.remote_request_id);
  expect(sent).toEqual(["r-1", "r-2"]);
});

test("R1: the client's head waits for decode's first byte", async () => {
  const fleet = makeFakeFleet();
  fleet.script("decode-0", (call) => call.head(200, eventStream));
  let response: Response | null = null;
  void fleet.post("/v1/completions", completion({ stream: true })).then((got) => response = got);
  await until(() => fleet.callsTo("decode-0").length === 1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(response).toBeNull();
  fleet.callsTo("decode-0")[0]!.data(events.first);
  await until(() => response !== null);
  expect(response!.status).toBe(200);
});

test("R2: a stream that breaks off after its first byte is told as an error event, and nothing is tried again", async () => {
  const fleet = makeFakeFleet({ workers: two });
  fleet.script("decode-0", firstEventOnly);
  const response = await fleet.post("/v1/completions", completion({ stream: true }));
  const reading = response.text();
  fleet.callsTo("decode-0")[0]!.fail("reset", true);
  const frames = (await reading).split("\n\n");
  expect(`${frames[0]}\n\n`).toBe(events.first);
  const told = JSON.parse(frames[1]!.replace("data: ", ""));
  expect(told.error).toMatchObject({ src: "pdserve", leg: "decode", code: 502, phase: "stream" });
  expect(frames.slice(2)).toEqual(["data: [DONE]", ""]);
  expect(fleet.calls).toHaveLength(2);
  expectBalanced(fleet);
});

test("an error event stands alone also when the worker broke off inside an event", async () => {
  const fleet = makeFakeFleet();
  fleet.script("decode-0", firstEventOnly);
  const response = await fleet.post("/v1/completions", completion({ stream: true }));
  const reading = response.text();
  await until(() => fleet.callsTo("decode-0").length === 1);
  await fleet.callsTo("decode-0")[0]!.data('data: {"choi');
  fleet.callsTo("decode-0")[0]!.fail("reset", true);
  expect(await reading).toContain('data: {"choi\n\ndata: {"error":');
});

test("a worker that only forgot to end its framing after [DONE] has answered in full", async () => {
  const fleet = makeFakeFleet();
  fleet.script("decode-0", firstEventOnly);
  const response = await fleet.post("/v1/completions", completion({ stream: true }));
  const reading = response.text();
  await fleet.callsTo("decode-0")[0]!.data(events.done);
  fleet.callsTo("decode-0")[0]!.fail("reset", true);
  expect(await reading).toBe(events.first + events.done);
});

test("Anthropic's stream is told of a failure in its own form", async () => {
  const fleet = makeFakeFleet();
  fleet.script("decode-0", firstEventOnly);
  const response = await fleet.post("/v1/messages", { model: "tiny", messages: [], max_tokens: 4, stream: true });
  const reading = response.text();
  fleet.callsTo("decode-0")[0]!.fail("reset", true);
  const last = (await reading).split("\n\n").at(-2)!;
  expect(last).toStartWith('event: error\ndata: {"type":"error","error":{');
});

test("R9: a hung prefill worker is left after its limit, and another one asked", async () => {
  const fleet = makeFakeFleet({ workers: two });
  fleet.script("prefill-0", () => {});
  const answering = fleet.post("/v1/completions", completion());
  await until(() => fleet.callsTo("prefill-0").length === 1);
  fleet.clock.nowMs += 10_001;
  const response = await answering;
  expect(response.status).toBe(200);
  expect(fleet.callsTo("prefill-0")[0]!.aborted).toBe(true);
  expect(response.headers.get("x-pdserve-prefill")).toBe("prefill-1");
});

test("R9: a decode worker without a first byte is a 504 that names the phase", async () => {
  const fleet = makeFakeFleet({ workers: two });
  fleet.script("decode-0", (call) => call.head(200, eventStream));
  const answering = fleet.post("/v1/completions", completion({ stream: true }));
  await until(() => fleet.callsTo("decode-0").length === 1);
  fleet.clock.nowMs += 20_001;
  const response = await answering;
  expect(response.status).toBe(504);
  expect(await fleet.errorOf(response)).toMatchObject({ leg: "decode", phase: "first token" });
  expect(fleet.callsTo("decode-0")[0]!.aborted).toBe(true);
  expectBalanced(fleet);
});

test("R9: silence inside a stream ends it with an error event that names the phase", async () => {
  const fleet = makeFakeFleet();
  fleet.script("decode-0", firstEventOnly);
  const response = await fleet.post("/v1/completions", completion({ stream: true }));
  const reading = response.text();
  await until(() => fleet.callsTo("decode-0").length === 1);
  fleet.clock.nowMs += 5_001;
  expect(await reading).toContain('"phase":"stream"');
  expect(fleet.callsTo("decode-0")[0]!.aborted).toBe(true);
  expectBalanced(fleet);
});

test("R9: the limit for the whole request holds in every phase and is not retried", async () => {
  const fleet = makeFakeFleet({ workers: two, settings: { prefillTimeoutMs: 100_000 } });
  fleet.script("prefill-0", () => {});
  const answering = fleet.post("/v1/completions", completion());
  await until(() => fleet.callsTo("prefill-0").length === 1);
  fleet.clock.nowMs += 60_001;
  const response = await answering;
  expect(response.status).toBe(504);
  expect((await fleet.errorOf(response)).phase).toBe("whole request");
  expect(fleet.calls).toHaveLength(1);
});

for (
  const [phase, settings] of [
    ["queue", { maxInFlight: 1, queueTimeoutMs: 3_000 }],
    ["handoff window", { maxHandoffs: 1, handoffTimeoutMs: 3_000 }],
  ] as const
) {
  test(`R9: the wait of the phase ${phase} has a limit of its own, and the client may come again`, async () => {
    const fleet = makeFakeFleet({ settings });
    fleet.script("prefill-0", () => {});
    void fleet.post("/v1/completions", completion());
    await until(() => fleet.calls.length === 1);
    const answering = fleet.post("/v1/completions", completion());
    await until(() =>
      fleet.metric(phase === "queue" ? "pdserve_queued" : "pdserve_in_flight") === (phase === "queue" ? 1 : 2)
    );
    fleet.clock.nowMs += 3_001;
    const response = await answering;
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("5");
    expect((await fleet.errorOf(response)).phase).toBe(phase);
  });
}

test("R11: KV of a worker that restarted after it answered is not fetched; the retry prefills again", async () => {
  const fleet = makeFakeFleet();
  fleet.script("prefill-0", (call) => {
    call.answer(200, prefillBody);
    if (fleet.callsTo("prefill-0").length > 1) return;
    fleet.change((snapshot) => ({
      ...snapshot,
      workers: snapshot.workers.map((worker) => ({ ...worker, generation: worker.generation + 1 })),
    }));
  });
  const response = await fleet.post("/v1/completions", completion());
  expect(response.status).toBe(200);
  expect(fleet.callsTo("prefill-0")).toHaveLength(2);
  expect(fleet.callsTo("decode-0")).toHaveLength(1);
  expect(fleet.metric('pdserve_kv_handles{state="released"}')).toBe(1);
});

test("R6: without KV params nothing is recomputed silently: an error, a counter and a log line", async () => {
  const fleet = makeFakeFleet();
  fleet.script("prefill-0", (call) => call.answer(200, { ...prefillBody, kv_transfer_params: null }));
  const response = await fleet.post("/v1/completions", completion());
  expect(response.status).toBe(502);
  expect((await fleet.errorOf(response)).message).toContain("kv_transfer_params");
  expect(fleet.callsTo("decode-0")).toHaveLength(0);
  expect(fleet.metric("pdserve_missing_handoffs_total")).toBe(2);
  expect(fleet.log.join("\n")).toContain("recomputed");
});

test("R6: a fallback is taken only when asked for, and is named and counted", async () => {
  const fleet = makeFakeFleet({ settings: { fallback: "decode-alone" } });
  fleet.script("prefill-0", (call) => call.fail("refused"));
  const response = await fleet.post("/v1/completions", completion({ kv_transfer_params: { do_remote_prefill: true } }));
  expect(await response.json()).toEqual(decodeBody);
  expect(response.headers.get("x-pdserve-handoff")).toBe("fallback; reason=prefill-0 does not accept connections");
  expect(response.headers.has("x-pdserve-prefill")).toBe(false);
  expect(fleet.callsTo("decode-0")[0]!.json).not.toHaveProperty("kv_transfer_params");
  expect(fleet.metric('pdserve_handoffs_total{handoff="fallback"}')).toBe(1);
});

test("a form that one token cannot have is asked of one worker after prefill's 500", async () => {
  const fleet = makeFakeFleet({ workers: two });
  fleet.script("prefill-0", (call) => call.answer(500, engineError));
  const response = await fleet.post("/v1/chat/completions", { model: "tiny", messages: [], tool_choice: "required" });
  expect(response.status).toBe(200);
  expect(response.headers.get("x-pdserve-handoff")).toBe("none; reason=structured_output");
  expect(fleet.calls.map((call) => call.worker)).toEqual(["prefill-0", expect.stringContaining("decode")]);
});

test("a worker that failed twice is left alone, until its pause is over", async () => {
  const fleet = makeFakeFleet({ workers: two });
  fleet.script("prefill-0", (call) => call.fail("refused"));
  for (let i = 0; i < 8; i++) expect((await fleet.post("/v1/completions", completion())).status).toBe(200);
  expect(fleet.callsTo("prefill-0")).toHaveLength(2);
  fleet.clock.nowMs += 6_000;
  for (let i = 0; i < 2; i++) await fleet.post("/v1/completions", completion());
  expect(fleet.callsTo("prefill-0")).toHaveLength(3);
});

test("a worker that breaks off inside streams is left alone too", async () => {
  const fleet = makeFakeFleet({ workers: ["prefill-0", "decode-0", "decode-1"] });
  fleet.script("decode-0", firstEventOnly);
  for (let i = 0; i < 3; i++) {
    const response = await fleet.post("/v1/completions", completion({ stream: true }));
    const reading = response.text();
    fleet.callsTo("decode-0")[i]?.fail("reset", true);
    await reading;
    await (await fleet.post("/v1/completions", completion({ stream: true }))).text();
  }
  expect(fleet.metric('pdserve_avoided{who="decode-0"}')).toBe(1);
  expect(fleet.callsTo("decode-0")).toHaveLength(2);
});

function expectBalanced(fleet: FakeFleet): void {
  expect(fleet.metric('pdserve_kv_handles{state="opened"}')).toBe(0);
  expect(fleet.metric('pdserve_kv_handles{state="spent"}')).toBe(0);
  expect(fleet.metric("pdserve_in_flight")).toBe(0);
  for (const name of new Set(fleet.calls.map((call) => call.worker))) {
    const role = name.replace(/-\d+$/, "");
    expect(fleet.metric(`pdserve_worker_in_flight{worker="${name}",role="${role}"}`)).toBe(0);
    expect(fleet.metric(`pdserve_worker_handoffs{worker="${name}",role="${role}"}`)).toBe(0);
  }
}

function cutShort(call: Call): void {
  call.head(200, { "content-type": "application/json" });
  call.data('{"choices":[');
  call.fail("reset", true);
}

function headOnly(call: Call): void {
  call.head(200, call.json?.stream ? eventStream : { "content-type": "application/json" });
  call.fail("reset", true);
}

/** What a failed KV load looks like in a stream. */
function errorFirst(call: Call): void {
  call.head(200, eventStream);
  call.data(`data: ${JSON.stringify({ error: { message: "Internal server error", code: 500 } })}\n\n`);
}

function gaveUp(call: Call): void {
  call.answer(200, { ...prefillBody, choices: [{ index: 0, text: "", finish_reason: "error" }] });
}

function firstEventOnly(call: Call): void {
  call.head(200, eventStream);
  call.data(events.first);
}
