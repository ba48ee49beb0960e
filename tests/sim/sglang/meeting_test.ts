// What a simulated pair does where the two legs do not meet, as the real one was seen to do; and what ends it.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type SglangSim, startSglangSim } from "./start.ts";

setDefaultTimeout(60_000);

let prefill: SglangSim;
let decode: SglangSim;

beforeAll(async () => {
  [prefill, decode] = [await startSglangSim("prefill"), await startSglangSim("decode")];
});

afterAll(async () => {
  await prefill?.stop();
  await decode?.stop();
});

const body = (room: number, members: Record<string, unknown> = {}) =>
  JSON.stringify({
    ...{ text: "Hello", bootstrap_host: "127.0.0.1", bootstrap_port: prefill.bootstrapPort, bootstrap_room: room },
    ...{ sampling_params: { temperature: 0, max_new_tokens: 4 }, ...members },
  });

const ask = (sim: SglangSim, text: string, signal?: AbortSignal) =>
  fetch(`${sim.url}/generate`, {
    ...{ method: "POST", headers: { "content-type": "application/json" }, body: text },
    signal: signal ?? null,
  });

const abort = (sim: SglangSim, rid: string) =>
  fetch(`${sim.url}/abort_request`, {
    ...{ method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ rid }) },
  });

async function running(sim: SglangSim): Promise<number> {
  const text = await (await fetch(`${sim.url}/metrics`)).text();
  return Number(/^sglang:num_running_reqs\{.*\} (.*)$/m.exec(text)?.[1]);
}

async function untilRunning(sim: SglangSim, count: number): Promise<void> {
  while (await running(sim) !== count) await new Promise((resolve) => setImmediate(resolve));
}

for (
  const [what, room, children, members] of [
    ["room 0", 0, 1, {}],
    ["n = 2", 500, 2, { sampling_params: { n: 2, max_new_tokens: 4 } }],
  ] as const
) {
  test(`with ${what} prefill answers and decode waits until the client leaves`, async () => {
    const client = new AbortController();
    const waiting = ask(decode, body(room, members), client.signal).then(() => "answered", () => "left");
    expect((await ask(prefill, body(room, members))).status).toBe(200);
    await untilRunning(decode, children);
    client.abort();
    expect(await waiting).toBe("left");
    await untilRunning(decode, 0);
  });
}

test.each([["prefill", "Prefill bootstrap failed"], ["decode", "Decode transfer failed"]] as const)(
  "a %s leg that waits for the other ends with 500 when it is aborted by its rid",
  async (role, words) => {
    const sim = role === "prefill" ? prefill : decode;
    const waiting = ask(sim, body(600, { rid: `lonely-${role}` }));
    await untilRunning(sim, 1);
    await abort(sim, `lonely-${role}`);
    const answer = await waiting;
    expect(answer.status).toBe(500);
    expect(await answer.text()).toContain(`${words} for request rank=0`);
    await untilRunning(sim, 0);
  },
);

test("decode says the same tokens as one worker that does all of it, and computes no prompt", async () => {
  const single = await startSglangSim("null");
  const [, answer, whole] = await Promise.all([
    ask(prefill, body(700)),
    ask(decode, body(700)),
    ask(single, body(700)),
  ]);
  const ids = async (from: Response) => (await from.json() as { output_ids: number[] }).output_ids;
  expect(await ids(answer)).toEqual(await ids(whole));
  const metrics = await (await fetch(`${decode.url}/metrics`)).text();
  expect(metrics).not.toMatch(/mode="prefill_compute".* [1-9]/);
  await single.stop();
});

test("legs of different prompts in one room give another text: the KV decides", async () => {
  const [, answer] = await Promise.all([ask(prefill, body(710, { text: "Other" })), ask(decode, body(710))]);
  const [, right] = await Promise.all([ask(prefill, body(711)), ask(decode, body(711))]);
  expect((await answer.json() as { output_ids: number[] }).output_ids)
    .not.toEqual((await right.json() as { output_ids: number[] }).output_ids);
});
