// The legs of nixl/ and nixl_short/, sent to a simulated pair as they were to the real one.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../e2e/plain_engine.ts";
import { maskAnswer } from "./mask.ts";
import { type SglangSim, startSglangSim } from "./start.ts";
import { type Exchange, GOLDEN, readExchanges } from "./transcript.ts";

setDefaultTimeout(60_000);

/** Rooms and ports of the recording; prefill's bootstrap port is the pair's own. */
const BOOTSTRAP_PORT = 8998;

/** Recordings of more than two legs, of states made by hand, or of logs and counters. */
const notReplayed =
  /(\.log|\.json|metrics_.*|health_.*|loads_.*|model_info_.*|v1_models_.*|P_dead_.*|P_killed.*|during_sigterm.*|sigterm_D.*|abort_on_.*|timing_last|bootstrap_(health|query|register|route_post|route_rank_bad|route_missing|route_old|unknown).*|host_localhost_name\.txt|P_fake_host\.txt|duplicate_room.*|completions_stream_usage)/;

/** The recorded model came to its end token by itself. */
const endsByItself = ["nixl/generate_prefix_cached_on_P.txt"];

/** One leg never answers; what it does instead is in meeting_test.ts. */
const isHanging = (exchange: Exchange) => exchange.status === 0;

let prefill: SglangSim;
let decode: SglangSim;
let deadPort: number;

beforeAll(async () => {
  const short = { SGLANG_DISAGGREGATION_BOOTSTRAP_TIMEOUT: "0.4", SGLANG_DISAGGREGATION_WAITING_TIMEOUT: "0.4" };
  [prefill, decode, deadPort] = [
    await startSglangSim("prefill", short),
    await startSglangSim("decode", short),
    await freePort(),
  ];
});

afterAll(async () => {
  await prefill?.stop();
  await decode?.stop();
});

for (const folder of ["nixl", "nixl_short"]) {
  for (const name of readdirSync(join(GOLDEN, folder)).sort()) {
    const file = `${folder}/${name}`;
    if (notReplayed.test(file)) continue;
    const exchanges = readExchanges(file);
    if (exchanges.some(isHanging)) continue;
    test(`a simulated pair answers ${file} as the real one did`, async () => {
      const answers = await Promise.all(exchanges.map((exchange) => send(exchange, file)));
      for (const [at, { status, type, text }] of answers.entries()) {
        const golden = exchanges[at]!;
        expect(status).toBe(golden.status);
        expect(type.split(";")[0]).toBe(golden.answerType.split(";")[0] ?? "");
        if (golden.answer.includes('"type":"Bad Request"') || endsByItself.includes(file)) continue;
        expect(maskAnswer(ports(text), type)).toEqual(maskAnswer(golden.answer, golden.answerType));
      }
    });
  }
}

test("what is compared includes both backends' worth of legs: chat, completions, batches and streams", () => {
  const replayed = readdirSync(join(GOLDEN, "nixl")).filter((name) => !notReplayed.test(`nixl/${name}`));
  for (const name of ["chat_stream", "completions", "generate_batch_list_rooms", "generate_logprob_stream"]) {
    expect(replayed).toContain(`${name}.txt`);
  }
});

/** A recording of one leg tells by its name whom it was sent to. */
async function send({ leg, method, path, body, contentType }: Exchange, file: string) {
  const isBootstrap = file.includes("bootstrap_route");
  const toPrefill = leg === "prefill" || /\/(P_|missing_decode)/.test(file);
  const url = isBootstrap ? `http://127.0.0.1:${prefill.bootstrapPort}` : toPrefill ? prefill.url : decode.url;
  const answer = await fetch(url + path, {
    method,
    headers: new Headers(contentType === null ? {} : { "content-type": contentType }),
    body: method === "GET" ? null : body
      .replaceAll(String(BOOTSTRAP_PORT), String(prefill.bootstrapPort))
      .replaceAll("8999", String(deadPort)),
  });
  return { status: answer.status, type: answer.headers.get("content-type") ?? "", text: await answer.text() };
}

function ports(text: string): string {
  return text.replace(/"rank_ip": "[\d.]+"/, '"rank_ip": "192.0.2.2"').replace(/"rank_port": \d+/, '"rank_port": 32995')
    .replace(/"prefill_http_port": \d+/, '"prefill_http_port": 31100');
}
