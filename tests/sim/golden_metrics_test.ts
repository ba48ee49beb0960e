// The metric names and label sets of the recorded /metrics pages against a simulated engine's.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { GOLDEN } from "./golden/transcript.ts";
import { post, startSim, TEST_LIMIT_MS } from "./start_sim.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const nixl = { kv_connector: "NixlConnector" };
const push = { kv_connector: "NixlPushConnector" };
const pages = [
  { file: "single/metrics.txt", args: ["--max-model-len", "512"], connector: undefined },
  { file: "nixl/metrics_P.txt", args: ["--block-size", "32"], connector: { ...nixl, kv_role: "kv_producer" } },
  { file: "nixl/metrics_D.txt", args: ["--block-size", "32"], connector: { ...nixl, kv_role: "kv_consumer" } },
  { file: "push/metrics_P.txt", args: ["--block-size", "32"], connector: { ...push, kv_role: "kv_producer" } },
  { file: "push/metrics_D.txt", args: ["--block-size", "32"], connector: { ...push, kv_role: "kv_consumer" } },
];

for (const { file, args, connector } of pages) {
  describe(file, () => {
    test("a simulated engine has the same families, samples and labels, in the same order", async () => {
      const sim = await startSim({ args: ["--max-model-len", "1024", ...args], connector });
      await post(sim, "/v1/completions", { model: "tiny", prompt: "Hi", max_tokens: 1, temperature: 0 });
      const own = await (await fetch(`${sim.url}/metrics`)).text();
      await sim.stop();
      const golden = readFileSync(join(GOLDEN, file), "utf8");
      expect(families(own)).toEqual(families(golden));
      expect(vllmSamples(own)).toEqual(vllmSamples(golden));
      expect(httpLabels(own)).toEqual(httpLabels(golden));
    });
  });
}

function families(page: string): readonly string[] {
  return [...page.matchAll(/^# TYPE (\S+ \w+)/gm)].map(([, family]) => family!);
}

/** Name and labels of every vllm sample, bucket bounds included; only the configuration in labels may differ. */
function vllmSamples(page: string): readonly string[] {
  return [...page.matchAll(/^(vllm:\w+(?:\{.*\})?) \S+$/gm)].map(([, sample = ""]) =>
    sample.startsWith("vllm:cache_config_info") ? sample.replaceAll(/="[^"]*"/g, "") : sample
  );
}

/** The HTTP families have one sample a route that was used; their label names must be the same. */
function httpLabels(page: string): readonly string[] {
  const names = [...page.matchAll(/^(http_\w+)(?:\{(.*)\})? \S+$/gm)].map(([, name, labels = ""]) =>
    `${name} ${[...labels.matchAll(/(\w+)="/g)].map(([, label]) => label).join(",")}`
  );
  return [...new Set(names)].sort();
}
