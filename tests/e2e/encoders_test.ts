// Encoder workers before prefill and decode, on simulated engines.

import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PlainEngine, startPlainEngine } from "./plain_engine.ts";
import { killRun, type RunningPdserve, runToEnd, startPdserve } from "./run_pdserve.ts";

const model = "demo-model";
let running: RunningPdserve | null = null;
let plain: PlainEngine | null = null;

afterEach(async () => {
  await plain?.stop();
  if (running !== null) {
    await running.stop();
    killRun(running.runId);
  }
  running = plain = null;
});

test(
  "images are encoded before prefill, the same image always by the same encoder; text never sees an encoder",
  async () => {
    [plain, running] = await Promise.all([startPlainEngine(model), startWithEncoders()]);
    const images = ["cat", "dog", "owl", "fox", "bee", "elk"].map((name) => `data:image/png;base64,${btoa(name)}`);
    const asked = [...images, ...images, images[0]!].map((image, at) => chatOf(`Picture ${at}?`, [image]));
    const texts = [0, 1, 2].map((at) => chatOf(`No picture ${at}?`, []));
    for (const body of [...asked, ...texts]) {
      const [split, reference] = [await ask(running.url, body), await ask(plain.url, body)];
      expect(split).toEqual(reference);
    }

    const encoders = [await mediaOf("encode-0"), await mediaOf("encode-1")];
    expect(encoders.reduce((sum, { encoded }) => sum + encoded, 0)).toBe(asked.length);
    const seen = await Promise.all(["encode-0", "encode-1"].map(imagesAsked));
    expect(seen[0]?.size).toBeGreaterThan(0);
    expect(seen[1]?.size).toBeGreaterThan(0);
    expect([...seen[0] ?? []].filter((image) => seen[1]?.has(image))).toEqual([]);
    expect(await mediaOf("prefill-0")).toEqual({ encoded: 0, loaded: asked.length, computed: 0 });
    expect(await mediaOf("decode-0")).toMatchObject({ encoded: 0, computed: 0 });
    for (const name of ["encode-0", "encode-1"]) {
      expect(await (await fetch(`${urlOf(name)}/sim/violations`)).json())
        .toEqual([]);
    }
  },
  60_000,
);

test("a chat with several images asks for each once, and a stream of it is whole", async () => {
  running = await startWithEncoders();
  const images = ["one", "two", "one"].map((name) => `https://images.example/${name}.png`);
  const response = await fetch(`${running.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...chatOf("Three pictures?", images), stream: true }),
  });
  expect(response.status).toBe(200);
  expect(await response.text()).toEndWith("data: [DONE]\n\n");
  const counts = [await mediaOf("encode-0"), await mediaOf("encode-1")];
  expect(counts.reduce((sum, { encoded }) => sum + encoded, 0)).toBe(2);
}, 60_000);

test("without a ready encoder an image gets an error that says so, and text is served", async () => {
  running = await startWithEncoders();
  const fail = { errorRequests: 1_000, errorStatus: 500 };
  for (const name of ["encode-0", "encode-1"]) {
    await fetch(`${urlOf(name)}/sim/faults`, { method: "POST", body: JSON.stringify(fail) });
  }
  const refused = await post(running.url, chatOf("Picture?", ["https://images.example/a.png"]));
  expect(refused.status).toBeGreaterThanOrEqual(500);
  expect((await post(running.url, chatOf("No picture?", []))).status).toBe(200);
}, 60_000);

test("encoders also stand before regular workers, as a topology file asks, and are in no list of workers", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "encoders-")), "epd.yaml");
  const groups = "[{worker_type: encoder, num_gpus: 1}, {worker_type: regular, num_gpus: 1}]";
  writeFileSync(file, `vllm: [{name: actor, server_groups: ${groups}}]\n`);
  running = await startPdserve([model, "--engine", "sim", "--port", "0", "--vllm-config", file, "--admin-key", "adm"]);
  expect((await post(running.url, chatOf("Picture?", ["https://images.example/a.png"]))).status).toBe(200);
  expect(await mediaOf("encode-0")).toMatchObject({ encoded: 1 });
  expect(await mediaOf("regular-0")).toEqual({ encoded: 0, loaded: 1, computed: 0 });
  const listed = await fetch(`${running.url}/list_workers`, { headers: { authorization: "Bearer adm" } });
  expect(await listed.json()).toEqual({ urls: [urlOf("regular-0")] });
}, 60_000);

test("the plan gives encoders GPUs of their own and joins them to prefill, not to decode", async () => {
  const { exitCode, stdout } = await runToEnd(["plan", ...encoderArgs, "--output", "json"]);
  expect(exitCode).toBe(0);
  const { workers } = JSON.parse(stdout);
  const ecRole = ({ argv }: { argv: string[] }) => {
    const at = argv.indexOf("--ec-transfer-config");
    return at < 0 ? null : JSON.parse(argv[at + 1]!).ec_role;
  };
  expect(workers.map((worker: { name: string; argv: string[] }) => [worker.name, ecRole(worker)])).toEqual([
    ["encode-0", "ec_producer"],
    ["encode-1", "ec_producer"],
    ["prefill-0", "ec_consumer"],
    ["decode-0", null],
  ]);
});

test("V12: SGLang's language workers ask the encoders themselves, prefill for images only, decode never", async () => {
  running = await startPdserve(encoderArgs.map((word) => word === "sim" ? "sim-sglang" : word));
  const images = ["https://images.example/a.png", "https://images.example/b.png"];
  expect((await post(running.url, chatOf("Two pictures?", images))).status).toBe(200);
  expect((await post(running.url, chatOf("No picture?", []))).status).toBe(200);
  const media = await Promise.all(["encode-0", "encode-1", "prefill-0", "decode-0"].map(mediaOf));
  expect(media).toEqual([
    { encoded: 1, loaded: 0, computed: 0 },
    { encoded: 1, loaded: 0, computed: 0 },
    { encoded: 0, loaded: 2, computed: 0 },
    { encoded: 0, loaded: 0, computed: 0 },
  ]);
}, 60_000);

test("V12: slime's encoder groups stand before regular workers of SGLang", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "encoders-")), "epd.yaml");
  const groups = "[{worker_type: encoder, num_gpus: 1}, {worker_type: regular, num_gpus: 1}]";
  writeFileSync(file, `sglang: [{name: actor, server_groups: ${groups}}]\n`);
  running = await startPdserve([model, "--engine", "sim-sglang", "--port", "0", "--sglang-config", file]);
  expect((await post(running.url, chatOf("Picture?", ["https://images.example/a.png"]))).status).toBe(200);
  expect(await mediaOf("encode-0")).toMatchObject({ encoded: 1 });
  expect(await mediaOf("regular-0")).toEqual({ encoded: 0, loaded: 1, computed: 0 });
}, 60_000);

const encoderArgs = [
  ...[model, "--engine", "sim", "--port", "0"],
  ...["--encode-gpus", "0,1", "--prefill-gpus", "2", "--decode-gpus", "3"],
];

function startWithEncoders(): Promise<RunningPdserve> {
  return startPdserve(encoderArgs);
}

function chatOf(text: string, images: readonly string[]) {
  const parts = images.map((url) => ({ type: "image_url", image_url: { url } }));
  return {
    model,
    messages: [{ role: "user", content: [{ type: "text", text }, ...parts] }],
    max_tokens: 6,
    temperature: 0,
  };
}

async function ask(url: string, body: unknown): Promise<unknown> {
  const { choices, usage } = await (await post(url, body)).json() as Record<string, unknown>;
  return { choices, usage };
}

function post(url: string, body: unknown): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body: JSON.stringify(body) });
}

interface MediaCounts {
  readonly encoded: number;
  readonly loaded: number;
  readonly computed: number;
}

async function mediaOf(name: string): Promise<MediaCounts> {
  const state = await (await fetch(`${urlOf(name)}/sim/state`)).json() as { readonly media: MediaCounts };
  return state.media;
}

/** The images that a worker was asked for, by their URL. */
async function imagesAsked(name: string): Promise<Set<string>> {
  const requests = await (await fetch(`${urlOf(name)}/sim/requests`)).json() as { readonly body: unknown }[];
  return new Set(requests.flatMap(({ body }) => JSON.stringify(body).match(/data:image[^"\\]+/g) ?? []));
}

function urlOf(name: string): string {
  const run = JSON.parse(readFileSync(join(running!.runDir, "run.json"), "utf8"));
  return `http://127.0.0.1:${run.workers.find((worker: { name: string }) => worker.name === name).port}`;
}
