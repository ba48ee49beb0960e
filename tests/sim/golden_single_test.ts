// Every request of single/ and errors/, sent to a simulated engine started as the recorded one was.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { maskBody, maskHeaders } from "./golden/mask.ts";
import { rawRequest } from "./golden/raw_http.ts";
import { GOLDEN, readSingle } from "./golden/transcript.ts";
import { type Sim, startSim, TEST_LIMIT_MS } from "./start_sim.ts";

setDefaultTimeout(TEST_LIMIT_MS);

/** Recordings that are not replayed here, and why. */
const notReplayed: Readonly<Record<string, string>> = {
  "single/metrics.txt": "names and labels: golden_metrics_test.ts",
  "single/startup_log.txt": "golden_log_test.ts",
  "single/sigterm_idle_log.txt": "golden_log_test.ts",
  "single/sigterm_log_stream_aborted.txt": "golden_log_test.ts",
  "single/sigterm_log_stream_hung_full.txt": "the same lines as aborted, in another order",
  "single/sigterm_log_stream_hung_until_client_left.txt": "shutdown_test.ts",
  "single/stream_end_on_sigterm_abort.txt": "shutdown_test.ts",
};

/** Replayed for status and headers only. */
const bodyDiffers: Readonly<Record<string, string>> = {
  "errors/prompt_plus_max_tokens.txt": "the recorded model ended its text by itself after 426 tokens",
};

let sim: Sim;

beforeAll(async () => {
  sim = await startSim({ args: ["--max-model-len", "512", "--kv-cache-memory-bytes", "67108864"] });
});

afterAll(() => sim.stop());

for (const folder of ["single", "errors"]) {
  describe(`${folder}/`, () => {
    for (const name of readdirSync(join(GOLDEN, folder)).sort()) {
      const file = `${folder}/${name}`;
      if (file in notReplayed) continue;
      test(`a simulated engine answers ${file} as the real one did`, async () => {
        const golden = readSingle(file);
        const answer = await rawRequest(sim.port, golden.method, golden.path, golden.headers, golden.body);
        expect(answer?.status).toBe(golden.status);
        expect(maskHeaders(answer!.headers)).toEqual(maskHeaders(golden.answerHeaders));
        if (file in bodyDiffers) return;
        const type = golden.answerHeaders.get("content-type") ?? "";
        expect(maskBody(answer!.body, type)).toEqual(maskBody(golden.answerBody, type));
      });
    }
  });
}

test("every recording that is not replayed still exists", () => {
  const known = ["single", "errors"].flatMap((folder) =>
    readdirSync(join(GOLDEN, folder)).map((name) => `${folder}/${name}`)
  );
  expect(Object.keys({ ...notReplayed, ...bodyDiffers }).filter((file) => !known.includes(file))).toEqual([]);
});
