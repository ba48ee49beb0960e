// Every request of single/ and errors/, sent to a simulated SGLang started as the recorded one was.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { maskAnswer } from "./mask.ts";
import { type SglangSim, startSglangSim } from "./start.ts";
import { GOLDEN, readExchanges } from "./transcript.ts";

setDefaultTimeout(60_000);

/** Recordings that are not replayed here, and why. */
const notReplayed: Readonly<Record<string, string>> = {
  "single/metrics.txt": "the names that pdserve reads: metrics_test.ts",
  "single/startup_to_sigterm.log": "a log: tests/supervisor/engines/sglang_test.ts",
  "single/abort_target_nonstream.txt": "aborted by hand: meeting_test.ts",
  "single/abort_target_stream.txt": "aborted by hand: meeting_test.ts",
  "single/pause_abort_target.txt": "paused by hand",
  "single/pause_target.txt": "paused by hand",
  "single/client_closes_stream.txt": "the client left",
  "single/duplicate_rid_first.txt": "the first of two at once",
  "single/flush_cache_busy.txt": "beside a running request",
  "single/release_memory.txt": "killed the unpatched server",
  "single/resume_memory.txt": "killed the unpatched server",
  "errors/empty_text.txt": "killed the server; pdserve refuses it",
  "errors/token_out_of_vocab.txt": "killed the server",
};

/** Routes that the simulator does not play: pdserve neither calls nor forwards them to SGLang. */
const notPlayed =
  /(messages|responses|api_generate_ollama|v1_loads.*|loads_after_close|pd_role_switch|set_internal_state|v1_models_tiny|detokenize|ready|options_cors|empty_list|max_new_tokens_0|unknown_sampling_param|.*model_info|server_info_weight_version)\.txt$/;

/** FastAPI's own words name the file and line of the route; only the shape of the error is played. */
const shapeOnly = /"type":"Bad Request"/;
/** Echoed prompts, texts in rows, and an end token that the recorded model came to by itself are not played. */
const statusOnly = /(completions_logprobs|generate_logprob_start0_top2|generate_no_sampling_params)\.txt$/;

for (const folder of ["single", "errors"]) {
  describe(`${folder}/`, () => {
    let sim: SglangSim;

    beforeAll(async () => {
      sim = await startSglangSim("null");
    });

    afterAll(() => sim?.stop());

    for (const name of readdirSync(join(GOLDEN, folder)).sort()) {
      const file = `${folder}/${name}`;
      if (file in notReplayed || notPlayed.test(file)) continue;
      test(`a simulated SGLang answers ${file} as the real one did`, async () => {
        const [golden] = readExchanges(file);
        if (golden === undefined) throw new Error(`${file} holds no exchange`);
        const headers = new Headers(golden.contentType === null ? {} : { "content-type": golden.contentType });
        const body = golden.method === "GET" ? null : golden.body;
        const answer = await fetch(sim.url + golden.path, { method: golden.method, headers, body });
        expect(answer.status).toBe(golden.status);
        const answerType = answer.headers.get("content-type") ?? "";
        expect(answerType).toBe(golden.answerType);
        const text = await answer.text();
        if (statusOnly.test(file)) return;
        if (shapeOnly.test(golden.answer)) {
          const shape = ({ message: _, ...rest }: Record<string, unknown>) => rest;
          expect(shape(JSON.parse(text))).toEqual(shape(JSON.parse(golden.answer)));
        } else expect(maskAnswer(text, answerType)).toEqual(maskAnswer(golden.answer, golden.answerType));
      });
    }
  });
}

test("every recording that is not replayed still exists", () => {
  const known = ["single", "errors"].flatMap((folder) =>
    readdirSync(join(GOLDEN, folder)).map((name) => `${folder}/${name}`)
  );
  expect(Object.keys(notReplayed).filter((file) => !known.includes(file))).toEqual([]);
});
