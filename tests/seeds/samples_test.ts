// The documents' samples, each with its plan kept in tests/seeds/goldens. PDSERVE_TEST_UPDATE=1 rewrites them; look at the diff then.

import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Planned, WorkerPlan } from "../../plan/plan.ts";
import { converted } from "./converted.ts";
import { type Sample, samples, sampleText } from "./samples.ts";
import { typed, typedPlan } from "../plan/dialects/typed.ts";

const folder = join(import.meta.dir, "goldens");
const one = (name: string): Sample => samples.find((sample) => sample.name === name) ?? samples[0] as Sample;
const planOf = (name: string) => typedPlan(one(name).argv, one(name).files, one(name).gpus);

/** All that the sample decides; what the engine's command line adds of itself is tested elsewhere. */
function kept(planned: Planned, told: readonly string[]) {
  if (planned.is === "impossible") return { told };
  const { model, servedModelName, engine, connector, launch, router, workers, updatesWeights } = planned.plan;
  return {
    ...{ model, servedModelName, engine: engine.name, connector: connector.name, extraConfig: launch.extraConfig },
    ...(updatesWeights === undefined ? {} : { updatesWeights }),
    ...{ router: `${router.host}:${router.port}`, told },
    workers: workers.map(workerLine),
  };
}

function workerLine({ name, gpus, tp, dp, ports, userArgs, userEnv }: WorkerPlan): string {
  const first = Object.entries(ports).map(([purpose, numbers]) => `${purpose} ${numbers[0]}`).join(", ");
  const env = Object.entries(userEnv).map(([key, value]) => `${key}=${value}`);
  return [`${name}: gpus ${gpus.join(",")}, tp ${tp}, dp ${dp}, ${first}`, ...env, ...userArgs].join(" ");
}

describe("the sample", () => {
  test.each(samples.map((sample) => [sample.name, sample] as const))("%s is planned as kept", async (name, sample) => {
    const { planned, problems } = await typed(sample.argv, sample.files, sample.gpus);
    const ofFiles = problems.filter(({ where, what }) =>
      Object.keys(sample.files).some((file) => where.startsWith(file)) && !what.startsWith("Anyone who reaches")
    );
    const told = ofFiles.map(({ severity, where, what, why, fix }) =>
      `${severity} ${where}: ${what} | ${why} | ${fix}`
    );
    const text = JSON.stringify(kept(planned, told), null, 2) + "\n";
    const path = join(folder, `${name}.json`);
    if (Bun.env.PDSERVE_TEST_UPDATE === "1") writeFileSync(path, text);
    expect(text).toBe(readFileSync(path, "utf8"));
    expect(planned.is === "impossible").toBe(["vime_too_big", "pdjob_verbatim"].includes(name));
  });

  test.each(
    samples.filter(({ files }) => Object.keys(files).length > 0).map((sample) => [sample.name, sample] as const),
  )(
    "%s converts to a pdserve.yaml that plans the same workers",
    async (_name, sample) => {
      const line = [...sample.argv.filter((word) => word !== "--scale-to-node"), "--engine", "sim"];
      const { planned } = await typed(line, sample.files, sample.gpus);
      if (planned.is === "impossible") return expect(sample.simulated).toBeNull();
      const yaml = await converted(["convert", ...line.filter((word) => word !== "pdjob")], sample.files);
      const again = await typed(["--config", "pdserve.yaml", "--engine", "sim"], {
        "pdserve.yaml": yaml,
      }, sample.gpus);
      expect(kept(again.planned, [])).toEqual(kept(planned, []));
    },
  );
});

describe("the document's words", () => {
  test("V16, V17: vime's prefill group makes two workers of TP 2, its decode group three of TP 4, with its overrides", async () => {
    const { workers } = await planOf("vime");
    expect(workers.map(({ name, tp, userArgs }) => [name, tp, userArgs.join(" ")])).toEqual([
      ["prefill-0", 2, "--max-num-batched-tokens 8192"],
      ["prefill-1", 2, "--max-num-batched-tokens 8192"],
      ["decode-0", 4, "--gpu-memory-utilization 0.88"],
      ["decode-1", 4, "--gpu-memory-utilization 0.88"],
      ["decode-2", 4, "--gpu-memory-utilization 0.88"],
    ]);
  });

  test("V1, V15: slime's file starts SGLang, or on vLLM's engines its overrides are translated, each told", async () => {
    expect((await planOf("slime")).engine.name).toBe("sglang");
    const { argv, files, gpus } = one("slime_on_vllm");
    const { rows, told } = await typed(argv, files, gpus);
    expect(rows).toHaveLength(5);
    expect(told.filter((text) => text.includes(" Read "))).toHaveLength(2);
  });

  test("K4, K6: the guide's pair takes GPUs 0-3 to prefill and 4-7 to decode", async () => {
    const { workers } = await planOf("guide_pair");
    expect(workers.map(({ name, gpus, tp }) => [name, gpus.join(), tp])).toEqual([
      ["prefill-0", "0,1,2,3", 4],
      ["decode-0", "4,5,6,7", 4],
    ]);
  });

  test("K12, K18: offloading alone is a regular server, with the document's sizes as numbers", async () => {
    const { workers, launch } = await planOf("guide_offloading");
    expect(workers.map(({ role }) => role)).toEqual(["regular"]);
    expect(launch.extraConfig).toEqual({ block_size: 64, cpu_bytes_to_use: 10_000_000_000 });
  });

  test("K23: LMCache is started without chunked prefill", async () => {
    const line = "m --pd 1P1D --kv-connector LMCacheConnectorV1 --engine sim";
    const { planned } = await typed(line, {}, 8);
    expect(
      planned.is === "planned" && planned.plan.workers.map(({ argv }) => argv.includes("--no-enable-chunked-prefill")),
    )
      .toEqual([true, true]);
  });

  test("K13, K17: MultiConnector keeps its children in order, and NIXL its backends", async () => {
    const { launch, workers } = await planOf("guide_multi");
    const { connectors } = launch.extraConfig as { connectors: { kv_connector: string }[] };
    expect(connectors.map((child) => child.kv_connector)).toEqual(["NixlConnector", "OffloadingConnector"]);
    expect(workers[0]?.argv.join(" ")).toContain("MultiConnector");
    expect((await planOf("guide_nixl")).launch.extraConfig).toEqual({ backends: ["UCX", "GDS"] });
  });

  test("J15: the README's JSON with three dots inside is refused with what to write", async () => {
    const { problems } = await typed(one("pdjob_verbatim").argv, one("pdjob_verbatim").files, 16);
    expect(problems.filter(({ what }) => what.startsWith('Replace "..."'))).toHaveLength(2);
    expect(sampleText("pdjob.yaml")).toContain(",...}");
  });
});
