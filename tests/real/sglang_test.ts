// slime's topology on two real SGLang 0.5.23 processes under pdserve, KV over NIXL. Run by `npm run test:real`.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { freshPrompt, post } from "./requests.ts";
import { counter } from "./read_engine.ts";
import { essence, nearly } from "./sglang_answers.ts";
import { adminKey, model, sglang, type SglangPair, startSglangPair } from "./sglang_pair.ts";

let pair: SglangPair;

const greedy = (members: Record<string, unknown> = {}) => ({ temperature: 0, max_new_tokens: 12, ...members });
const chat = (text: string) => [{ role: "user", content: text }];

interface Case {
  readonly name: string;
  readonly path: string;
  body(): Record<string, unknown>;
}

const cases: readonly Case[] = [
  { name: "/generate", path: "/generate", body: () => ({ text: freshPrompt(40), sampling_params: greedy() }) },
  {
    name: "/generate from tokens",
    path: "/generate",
    body: () => ({ input_ids: [...freshPrompt(30)].map((one) => one.charCodeAt(0)), sampling_params: greedy() }),
  },
  {
    name: "/generate with log-probabilities of prompt and answer",
    path: "/generate",
    body: () => ({ text: freshPrompt(20), return_logprob: true, logprob_start_len: 0, sampling_params: greedy() }),
  },
  {
    name: "/generate with three prompts",
    path: "/generate",
    body: () => ({ text: [freshPrompt(5), freshPrompt(30), freshPrompt(12)], sampling_params: greedy() }),
  },
  {
    name: "chat",
    path: "/v1/chat/completions",
    body: () => ({ messages: chat(freshPrompt(30)), max_tokens: 12, temperature: 0 }),
  },
  {
    name: "chat with logprobs",
    path: "/v1/chat/completions",
    body: () => ({ messages: chat(freshPrompt(9)), max_tokens: 5, temperature: 0, logprobs: true, top_logprobs: 2 }),
  },
  {
    name: "a completion",
    path: "/v1/completions",
    body: () => ({ prompt: freshPrompt(50), max_tokens: 9, temperature: 0, logprobs: 2 }),
  },
  {
    name: "a completion of two prompts",
    path: "/v1/completions",
    body: () => ({ prompt: [freshPrompt(9), freshPrompt(20)], max_tokens: 6, temperature: 0 }),
  },
];

describe.skipIf(sglang === "")("a real SGLang", () => {
  beforeAll(async () => {
    pair = await startSglangPair();
  }, 600_000);

  afterAll(async () => {
    await pair?.stop();
  }, 120_000);

  test("slime's file is planned as SGLang workers with NIXL between them, its overrides as they stand", async () => {
    const plan = pair.pdserve.events.find((event) => event.type === "plan");
    expect(plan?.["connector"]).toMatchObject({ name: "SGLangNixl" });
    expect(plan?.["engine"]).toMatchObject({ name: "sglang" });
    expect(await infoOf(pair.prefill)).toMatchObject({ disaggregation_mode: "prefill", chunked_prefill_size: 8192 });
    expect(await infoOf(pair.decode)).toMatchObject({ disaggregation_mode: "decode", mem_fraction_static: 0.88 });
  });

  test("the start has proven a handoff in which decode computed nothing again", () => {
    const proof = pair.pdserve.events.find((event) => event.type === "proof");
    expect(proof).toMatchObject({ prefill: "prefill-0", decode: "decode-0", recomputed_tokens: 0 });
    expect(Number(proof?.["moved_tokens"])).toBeGreaterThan(0);
    // Two layers of K and V, two heads of 32 floats: a KiB for each token.
    expect(Number(proof?.["bytes"])).toBe(1024 * Number(proof?.["moved_tokens"]));
  });

  for (const { name, path, body } of cases) {
    test(`${name}: the answer is the plain engine's, and decode computed no prompt`, async () => {
      const asked = { model, ...body() };
      const before = await counter(pair.prefill, "sglang:kv_transfer_total_mb_sum");
      const split = await post(pair.pdserve.url, path, asked);
      const plain = await post(pair.plain, path, asked);
      expect(split.status).toBe(200);
      expect(split.headers.get("x-pdserve-handoff")).toBe("SGLangNixl");
      expect(essence(split)).toEqual(nearly(essence(plain)));
      expect(await counter(pair.prefill, "sglang:kv_transfer_total_mb_sum")).toBeGreaterThan(before);
      expect(await counter(pair.decode, "sglang:realtime_tokens_total", 'mode="prefill_compute"')).toBe(0);
    });
  }

  test("a stream of /generate ends with the plain engine's text, its prompt's log-probabilities in each event", async () => {
    const body = { text: freshPrompt(10), stream: true, return_logprob: true, logprob_start_len: 0 };
    const [split, plain] = [
      await events(pair.pdserve.url, { ...body, sampling_params: greedy() }),
      await events(pair.plain, { ...body, sampling_params: greedy() }),
    ];
    expect(split.at(-1)?.text).toBe(plain.at(-1)?.text ?? "");
    const wanted = nearly(plain.at(-1)?.meta_info.input_token_logprobs);
    for (const event of split) expect(event.meta_info.input_token_logprobs).toEqual(wanted);
  });

  test("n above 1 is refused, since decode would wait for ever", async () => {
    const body = { text: freshPrompt(5), sampling_params: { n: 2, max_new_tokens: 4 } };
    const answer = await post(pair.pdserve.url, "/generate", body);
    expect(answer.status).toBe(400);
    expect(answer.json["error"]).toMatchObject({ param: "n" });
  });

  test("16 requests at once are all right", async () => {
    const bodies = Array.from({ length: 16 }, (_, i) => ({ text: freshPrompt(5 + i * 4), sampling_params: greedy() }));
    const answers = await Promise.all(bodies.map((body) => post(pair.pdserve.url, "/generate", body)));
    for (const [index, body] of bodies.entries()) {
      expect(essence(answers[index]!)).toEqual(nearly(essence(await post(pair.plain, "/generate", body))));
    }
  });

  test("what a client says of rooms is overwritten, so that no engine is sent elsewhere", async () => {
    const stray = { bootstrap_host: "192.0.2.1", bootstrap_port: 1, bootstrap_room: 0 };
    const body = { text: freshPrompt(5), sampling_params: greedy(), ...stray };
    expect((await post(pair.pdserve.url, "/generate", body)).status).toBe(200);
  });

  test(
    "a decode leg that waits for a prefill leg which never comes is given up by the engine when we leave it",
    async () => {
      const waiting = async () => {
        const { loads } = await (await fetch(`${pair.decode}/v1/loads`)).json() as { loads: Load[] };
        const queues = loads.map(({ disaggregation }) => disaggregation);
        return queues.reduce((sum, one) => sum + one.decode_prealloc_queue_reqs + one.decode_transfer_queue_reqs, 0);
      };
      const settled = async (count: number) => {
        while (await waiting() !== count) await Bun.sleep(200);
      };
      const { disaggregation_bootstrap_port: bootstrap } = await infoOf(pair.prefill);
      const us = new AbortController();
      const place = { bootstrap_host: "127.0.0.1", bootstrap_port: bootstrap, bootstrap_room: 77 };
      const left = post(pair.decode, "/generate", { text: "lonely", ...place }, us.signal).then(
        () => false,
        () => true,
      );
      await settled(1);
      us.abort();
      expect(await left).toBe(true);
      await settled(0);
    },
    120_000,
  );

  test("an abort by the administrator's route ends a stream on both workers", async () => {
    const params = greedy({ max_new_tokens: 600, ignore_eos: true });
    const response = await fetch(`${pair.pdserve.url}/generate`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text: freshPrompt(20), stream: true, sampling_params: params }),
    });
    expect(response.status).toBe(200);
    const reader = response.body!.getReader();
    await reader.read();
    expect((await admin(pair, "/abort_request", { abort_all: true })).status).toBe(200);
    let text = "";
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      text += new TextDecoder().decode(next.value);
    }
    expect(text).toContain('"type":"abort"');
    const after = { text: freshPrompt(9), sampling_params: greedy() };
    expect((await post(pair.pdserve.url, "/generate", after)).status).toBe(200);
  }, 60_000);

  test(
    "P19, V35: weights from a folder reach both workers, and one that restarts reads them again before it serves",
    async () => {
      const body = { model_path: model, weight_version: "7" };
      const updated = await admin(pair, "/update_weights_from_disk", body);
      expect([updated.status, (await updated.json() as { workers: unknown[] }).workers.length]).toEqual([200, 2]);
      const generate = () => post(pair.pdserve.url, "/generate", { text: freshPrompt(9), sampling_params: greedy() });
      expect((await generate()).json["meta_info"]).toMatchObject({ weight_version: "7" });
      const from = pair.pdserve.events.length;
      process.kill(pidOf(pair, "decode-0"), "SIGKILL");
      const { events } = pair.pdserve;
      await pair.pdserve.waitFor((event) =>
        event.type === "worker" && event["name"] === "decode-0" && event["state"] === "ready" &&
        events.indexOf(event) >= from
      );
      let answer = await generate();
      // It is ready, and reads the weights now.
      while (answer.status === 503) answer = await generate();
      expect([answer.status, answer.json["meta_info"]]).toMatchObject([200, { weight_version: "7" }]);
    },
    300_000,
  );

  test("stopping leaves no process behind", async () => {
    expect(await pair.stop()).toEqual([]);
    expect(await pair.pdserve.exited).toBe(0);
  }, 120_000);
});

function admin({ pdserve }: SglangPair, path: string, body: unknown): Promise<Response> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${adminKey}` };
  return fetch(`${pdserve.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
}

function pidOf({ pdserve }: SglangPair, name: string): number {
  const { workers } = JSON.parse(readFileSync(join(pdserve.runDir, "run.json"), "utf8")) as {
    readonly workers: readonly { readonly name: string; readonly pid: number }[];
  };
  return workers.find((worker) => worker.name === name)!.pid;
}

interface Load {
  readonly disaggregation: { readonly decode_prealloc_queue_reqs: number; readonly decode_transfer_queue_reqs: number };
}

async function infoOf(url: string): Promise<Readonly<Record<string, unknown>>> {
  return await (await fetch(`${url}/server_info`)).json() as Record<string, unknown>;
}

interface GenerateEvent {
  readonly text: string;
  readonly meta_info: { readonly input_token_logprobs: unknown };
}

async function events(base: string, body: Record<string, unknown>): Promise<readonly GenerateEvent[]> {
  const response = await fetch(`${base}/generate`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await response.text()).split("\n\n")
    .filter((event) => event.startsWith("data: {"))
    .map((event) => JSON.parse(event.slice("data: ".length)));
}
