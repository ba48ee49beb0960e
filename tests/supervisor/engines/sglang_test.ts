// What SGLang is started with, and what its real logs say to pdserve.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import type { Evidence } from "../../../supervisor/engines/engine.ts";
import { sglang } from "../../../supervisor/engines/sglang.ts";
import { valueOf, workerInput } from "./worker_input.ts";

const golden = new URL("../../fixtures/sglang-golden/", import.meta.url);
const linesOf = (file: string) => readFileSync(new URL(file, golden), "utf8").split(/[\r\n]+/);
const evidence = (lines: readonly string[]): Evidence => ({
  ...{ lines, exitCode: 1, signal: null, role: "prefill", worker: "prefill-0", gpus: ["0"], argv: ["sglang"] },
});

describe("command()", () => {
  const line = (change: Partial<Parameters<typeof workerInput>[0]> = {}) => sglang.command(workerInput(change));

  test("says model, name, address and sizes in SGLang's words, the user's arguments last", () => {
    const { argv } = line({ command: [], tp: 2, dp: 4, userArgs: ["--page-size", "64"] });
    expect(argv.slice(0, 2)).toEqual(["sglang", "serve"]);
    expect([valueOf(argv, "--model-path"), valueOf(argv, "--tp-size"), valueOf(argv, "--dp-size")])
      .toEqual([workerInput({}).model, "2", "4"]);
    expect(argv).toContain("--enable-metrics");
    expect(argv.slice(-2)).toEqual(["--page-size", "64"]);
  });

  test("leaves `python -m sglang.launch_server` as it is", () => {
    const command = ["python3", "-m", "sglang.launch_server"];
    expect(line({ command }).argv.slice(0, 4)).toEqual([...command, "--model-path"]);
  });

  test("on a CPU, names backends that need no CUDA unless the user does, and backs up decode in main memory", () => {
    const decode = line({ device: "cpu", role: "decode", userArgs: ["--attention-backend", "intel_amx"] });
    expect(decode.argv.filter((word) => word === "--attention-backend")).toHaveLength(1);
    expect(valueOf(decode.argv, "--sampling-backend")).toBe("pytorch");
    expect(valueOf(decode.argv, "--disaggregation-decode-retraction-backup")).toBe("cpu_tensor");
    expect(decode.env.SGLANG_USE_CPU_ENGINE).toBe("1");
    expect(line({ device: "cpu", role: "prefill" }).argv).not.toContain("--disaggregation-decode-retraction-backup");
  });

  test("on a CPU, gives each of several ranks its cores and keeps them from NCCL", () => {
    const { env } = line({ device: "cpu", tp: 2, cpuCores: 8 });
    expect([env.SGLANG_CPU_OMP_THREADS_BIND, env.SGLANG_NCCL_SO_PATH]).toEqual(["0-3|4-7", "/none"]);
    expect(line({ device: "cpu", tp: 4, cpuCores: 2 }).env.SGLANG_CPU_OMP_THREADS_BIND).toBe("0|1|0|1");
    expect(line({ device: "cpu", tp: 1 }).env.SGLANG_CPU_OMP_THREADS_BIND).toBeUndefined();
    expect(line({ device: "cuda", tp: 2 }).env.SGLANG_NCCL_SO_PATH).toBeUndefined();
  });

  test("empties the allocator's variables for the memory saver, as slime does", () => {
    expect(line({ userArgs: ["--enable-memory-saver"] }).env).toMatchObject({ PYTORCH_CUDA_ALLOC_CONF: "" });
    expect(line().env).not.toHaveProperty("PYTORCH_CUDA_ALLOC_CONF");
  });

  test("shows a worker its own GPUs only, and tells peers the address it is reached at", () => {
    const { env, argv } = line({ device: "cuda", gpus: ["3", "4"], host: "127.0.0.1" });
    expect([env.CUDA_VISIBLE_DEVICES, env.SGLANG_HOST_IP]).toEqual(["3,4", "127.0.0.1"]);
    expect(argv).not.toContain("--device");
  });
});

describe("stage()", () => {
  const order = ["booting", "loading weights", "compiling", "sizing KV", "capturing graphs", "listening"];

  for (
    const file of ["nixl/startup_to_sigterm_P.log", "nixl/startup_to_sigterm_D.log", "single/startup_to_sigterm.log"]
  ) {
    test(`reads a real start in order: ${file}`, () => {
      const told = linesOf(file).map((line) => sglang.stage(line)?.name).filter((name) => name !== undefined);
      const places = told.map((name) => order.indexOf(name));
      expect(places).toEqual([...places].sort((a, b) => a - b));
      for (const name of ["booting", "loading weights", "sizing KV", "listening"] as const) {
        expect(told).toContain(name);
      }
    });
  }

  test("counts weight files, the last bar of a line first", () => {
    const bars = "Multi-thread loading shards:  50% Completed | 2/4 [00:00<00:01, 2it/s]";
    expect(sglang.stage(bars)).toEqual({ name: "loading weights", done: 2, of: 4 });
  });
});

describe("rules", () => {
  const firstOf = (line: string) =>
    sglang.rules.find((rule) => {
      const found = rule.line.exec(line);
      return found !== null && (rule.when?.({ ...found.groups }, evidence([line])) ?? true);
    });

  test.each(sglang.rules.map((rule) => [rule.id, rule] as const))("%s explains its example first", (_, rule) => {
    expect(firstOf(rule.example)?.id).toBe(rule.id);
    const groups = { ...rule.line.exec(rule.example)?.groups };
    for (const text of [rule.why(groups, evidence([])), rule.fix(groups, evidence([]))]) {
      expect(text).not.toMatch(/undefined|null|NaN|\.$|\n/);
      expect(text.length).toBeGreaterThan(5);
    }
  });

  test.each([
    ["failures/empty_text_kills_server.log", "sglang-empty-prompt"],
    ["failures/token_out_of_vocab_kills_server.log", "sglang-token-out-of-vocabulary"],
    ["failures/mooncake_tcp_P_crash.log", "sglang-no-gpu"],
    ["failures/release_memory_kills_server_unpatched.log", "sglang-no-gpu"],
  ])("of %s the cause is told, not only that a child died", (file, id) => {
    const spoken = linesOf(file).map((line) => firstOf(line)).filter((rule) => rule !== undefined);
    expect(spoken.find(({ consequence }) => consequence !== true)?.id).toBe(id);
    expect(spoken.at(-1)?.consequence).toBe(true);
  });

  test("stay silent on logs of servers that did their work", () => {
    const healthy = ["nixl", "nixl_short", "single"].flatMap((folder) =>
      readdirSync(new URL(folder, golden)).filter((name) => name.endsWith(".log")).map((name) => `${folder}/${name}`)
    );
    expect(healthy.length).toBeGreaterThan(3);
    const wrong = healthy.flatMap((file) => linesOf(file).filter((line) => firstOf(line) !== undefined));
    expect(wrong).toEqual([]);
  });
});

test("the metrics read are those of a real pair", () => {
  const [prefill, decode] = ["nixl/metrics_after_P.txt", "nixl/metrics_after_D.txt"].map((file) => linesOf(file));
  const has = (page: readonly string[] | undefined, name: string, label = "") =>
    page?.some((line) => new RegExp(`^${name}(?:_total)?\\{`).test(line) && line.includes(label)) ?? false;
  const { promptTokensBySource, sourceLabel, externalSource, localComputeSource, recomputed, ...names } =
    sglang.metrics;
  for (const name of Object.values(names)) expect([name, has(decode, name)]).toEqual([name, true]);
  expect(has(decode, promptTokensBySource, `${sourceLabel}="${externalSource}"`)).toBe(true);
  expect(has(prefill, promptTokensBySource, `${sourceLabel}="${localComputeSource}"`)).toBe(true);
  // Prefill computes prompts; a decode worker of a real pair has never done so.
  expect(has(prefill, recomputed?.metric ?? "", recomputed?.labels)).toBe(true);
  expect(has(decode, recomputed?.metric ?? "", recomputed?.labels)).toBe(false);
});

test("readVersion() and readInstalled() take what either command prints", () => {
  expect(sglang.readVersion("some warning\n0.5.23\n")).toBe("0.5.23");
  const printed = '{"sglang": "0.5.23", "imports": {"nixl": "1.5.1", "mooncake": null}}';
  const installed = sglang.readInstalled?.(`warning\n${printed}\n`);
  expect(installed).toEqual({
    name: "sglang",
    version: "0.5.23",
    imports: { nixl: "1.5.1", mooncake: null },
    device: null,
  });
  expect(sglang.readInstalled?.('{"sglang": null, "imports": {}}')).toBeNull();
});

test("a stop tells only the first process, and waits longer than an idle prefill worker takes", () => {
  expect(sglang.stop).toMatchObject({ signal: "SIGTERM", only: "leader" });
  expect(sglang.stop.graceMs).toBeGreaterThan(18_000);
});
