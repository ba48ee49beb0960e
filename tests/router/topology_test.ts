// The scenarios of SMG's published PD topology suite, over real sockets with workers that echo what they were asked.

import { afterEach, expect, test } from "bun:test";
import { nixl } from "../../kv/nixl.ts";
import type { WorkerState } from "../../supervisor/snapshot.ts";
import { openStage, type Stage, type WorkerCall } from "./faults/fault_stage.ts";
import { completion, until } from "./open_fleet.ts";

const open: Stage[] = [];
afterEach(async () => {
  for (const stage of open.splice(0)) await stage.close();
});

const twoByTwo = ["prefill-0", "prefill-1", "decode-0", "decode-1"];

/** Decode answers with the prompt it was asked, so that a mix-up shows. */
async function echoing(workers: readonly string[], settings: Parameters<typeof openStage>[2] = {}): Promise<Stage> {
  const stage = await openStage(nixl, workers, settings);
  open.push(stage);
  for (const name of workers.filter((worker) => worker.startsWith("decode"))) stage.behave(name, echo);
  return stage;
}

function echo(call: WorkerCall): void {
  const { prompt, n = 1, stream } = call.json;
  if (stream === true) {
    call.beginStream();
    for (const word of String(prompt).split(" ")) call.token(`${word} `);
    return call.endStream();
  }
  call.answer(200, { choices: Array.from({ length: n }, (_, index) => ({ index, text: String(prompt) })) });
}

function post(stage: Stage, body: Record<string, unknown>, signal?: AbortSignal): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(`${stage.url}/v1/completions`, { method: "POST", headers, body: JSON.stringify(body), signal });
}

type Answer = { readonly choices: readonly { readonly text: string }[] };

async function textOf(response: Response): Promise<string> {
  return ((await response.json()) as Answer).choices[0]!.text;
}

const isIdle = ({ fleet }: Stage) =>
  fleet.router.inFlight() === 0 && fleet.metric('pdserve_upstream_sockets{state="busy"}') === 0 &&
  fleet.metric('pdserve_kv_handles{state="opened"}') === 0 && fleet.metric('pdserve_kv_handles{state="spent"}') === 0;

test("16 echoes at once do not cross, and every leg takes its share", async () => {
  const stage = await echoing(twoByTwo);
  const prompts = Array.from({ length: 16 }, (_, i) => `word-${i}`);
  const texts = await Promise.all(prompts.map(async (prompt) => textOf(await post(stage, completion({ prompt })))));
  expect(texts).toEqual(prompts);
  for (const worker of twoByTwo) expect(stage.calls.filter((call) => call.worker === worker)).toHaveLength(8);
});

test("a secret in a long prompt arrives whole, in turns too", async () => {
  const stage = await echoing(twoByTwo);
  let prompt = `${"lorem ipsum ".repeat(3_000)}the secret is 4242 ${"dolor sit ".repeat(3_000)}`;
  for (let turn = 0; turn < 3; turn++) {
    expect(await textOf(await post(stage, completion({ prompt })))).toBe(prompt);
    prompt += ` turn ${turn}: and what was it?`;
  }
});

test("streams that are left leave nothing running", async () => {
  const stage = await echoing(twoByTwo);
  for (const name of ["decode-0", "decode-1"]) {
    stage.behave(name, (call) => {
      call.beginStream();
      call.token("one ");
    });
  }
  const clients = Array.from({ length: 4 }, () => new AbortController());
  await Promise.all(clients.map(({ signal }) => post(stage, completion({ stream: true }), signal)));
  expect(stage.fleet.router.inFlight()).toBe(4);
  for (const client of clients) client.abort();
  await until(() => isIdle(stage));
});

test("8 requests left during prefill leave nothing running, and decode is never asked", async () => {
  const stage = await echoing(twoByTwo);
  for (const name of ["prefill-0", "prefill-1"]) stage.behave(name, () => {});
  const clients = Array.from({ length: 8 }, () => new AbortController());
  const answers = clients.map(({ signal }) => post(stage, completion(), signal).catch(() => null));
  await until(() => stage.callsTo("prefill").length === 8);
  for (const client of clients) client.abort();
  await Promise.all(answers);
  await until(() => isIdle(stage));
  expect(stage.callsTo("decode")).toHaveLength(0);
});

test("n=4 gives four choices of one worker", async () => {
  const stage = await echoing(twoByTwo);
  const response = await post(stage, completion({ prompt: "four", n: 4 }));
  expect(((await response.json()) as Answer).choices.map(({ text }) => text)).toEqual(["four", "four", "four", "four"]);
  expect(response.headers.get("x-pdserve-handoff")).toBe("none; reason=n");
});

test("a worker that is lost gets no traffic, and takes its share again when it is back", async () => {
  const stage = await echoing(twoByTwo);
  const become = (state: WorkerState) =>
    stage.fleet.change((snapshot) => ({
      ...snapshot,
      workers: snapshot.workers.map((worker) => worker.facts.name === "decode-1" ? { ...worker, state } : worker),
    }));
  const servedBy = async () => (await post(stage, completion())).headers.get("x-pdserve-decode");
  become({ is: "stopped" });
  for (let i = 0; i < 6; i++) expect(await servedBy()).toBe("decode-0");
  become({ is: "ready" });
  const back = await Promise.all(Array.from({ length: 6 }, servedBy));
  expect(back.filter((name) => name === "decode-1")).toHaveLength(3);
});

for (const worker of ["prefill-0", "decode-0"]) {
  test(`with the sole ${worker} down: 503, Retry-After, and the worker's name but no address`, async () => {
    const stage = await echoing(["prefill-0", "decode-0"]);
    await stage.kill(worker);
    const response = await post(stage, completion());
    const text = await response.text();
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).not.toBeNull();
    expect(text).toContain(worker);
    expect(text).not.toContain("127.");
  });
}

test("a burst of 24 on a window of 4: all served in the end, never more than 4 handoffs at once", async () => {
  const stage = await echoing(["prefill-0", "decode-0"], { maxHandoffs: 4 });
  let most = 0;
  stage.behave("decode-0", async (call) => {
    most = Math.max(most, stage.fleet.metric('pdserve_worker_handoffs{worker="prefill-0",role="prefill"}') ?? 0);
    await new Promise((resolve) => setImmediate(resolve));
    echo(call);
  });
  const answers = await Promise.all(Array.from({ length: 24 }, () => post(stage, completion())));
  expect(answers.map(({ status }) => status)).toEqual(Array(24).fill(200));
  expect(most).toBeLessThanOrEqual(4);
  expect(most).toBeGreaterThan(0);
});

test("a burst of 24 on a window of 4 and a queue of 4: only 200 and 429 with Retry-After", async () => {
  const stage = await echoing(["prefill-0", "decode-0"], { maxHandoffs: 4, maxQueue: 4 });
  const answers = await Promise.all(Array.from({ length: 24 }, () => post(stage, completion())));
  for (const response of answers) {
    expect([200, 429]).toContain(response.status);
    if (response.status === 429) expect(response.headers.get("retry-after")).not.toBeNull();
  }
  await until(() => isIdle(stage));
});

test("a pair added at run time is used, and one removed is not", async () => {
  const stage = await echoing(["prefill-0", "decode-0"]);
  const other = await echoing(["prefill-1", "decode-1"]);
  const admin = (method: string, path: string, body?: unknown) =>
    stage.fleet.router.admin(new Request(`http://admin${path}`, { method, body: JSON.stringify(body) }));
  const added = other.fleet.urls();
  for (const [i, worker_type] of (["prefill", "decode"] as const).entries()) {
    expect((await admin("POST", "/workers", { url: added[i], worker_type })).status).toBe(202);
  }
  await until(() => stage.fleet.metric('pdserve_worker_ready{worker="decode-added-1",role="decode"}') === 1);
  await until(() => stage.fleet.metric('pdserve_worker_ready{worker="prefill-added-0",role="prefill"}') === 1);
  for (const name of ["prefill-0", "decode-0"]) await admin("DELETE", `/workers/${name}`);
  const response = await post(stage, completion({ prompt: "over there" }));
  expect(await textOf(response)).toBe("over there");
  expect(response.headers.get("x-pdserve-decode")).toBe("decode-added-1");
  expect(other.calls.map(({ worker }) => worker)).toEqual(["prefill-1", "decode-1"]);
  await other.close();
  open.splice(open.indexOf(other), 1);
});
