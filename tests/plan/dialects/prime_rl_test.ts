import { describe, expect, test } from "bun:test";
import { errorsOf, typed, typedPlan } from "./typed.ts";

/** P2pNcclConnector, the default, left vLLM in 0.23. */
const old = "--engine sim -- --sim-vllm-version 0.22.0";

function file(pd: string, more = ""): Record<string, string> {
  return {
    "rl.toml": `${more}\n[inference]\n[inference.model]\nname = "org/m"\n[pd_disagg]\nenabled = true\n${pd}`,
  };
}

const lists = "prefill_gpu_ids = [0]\ndecode_gpu_ids = [1]\n";
const symmetric = "prefill_gpu_ids = [0, 1]\ndecode_gpu_ids = [2, 3]\n";
const nixl = 'kv_connector = "NixlConnector"\n';
const own = ({ rows }: { readonly rows: readonly string[] }) =>
  rows.map((row) => row.replace(/ --logprobs-mode processed_logprobs( --sim-vllm-version 0.22.0)?/, ""));

describe("pdserve @ file.toml with [pd_disagg]", () => {
  test("P7, P13, P15: the document's lists make workers [0,1] [2,3] and [4] [5]", async () => {
    const pd = `${nixl}prefill_gpu_ids = [0,1,2,3]\nprefill_tp = 2\ndecode_gpu_ids = [4,5]\ndecode_tp = 1\n`;
    expect(own(await typed("@ rl.toml", file(pd)))).toEqual([
      "prefill-0 gpus 0,1 tp 2",
      "prefill-1 gpus 2,3 tp 2",
      "decode-0 gpus 4 tp 1",
      "decode-1 gpus 5 tp 1",
    ]);
  });

  test("P10: ids keep their order and reach the worker through CUDA_VISIBLE_DEVICES", async () => {
    const { workers } = await typedPlan(
      "@ rl.toml",
      file(`${nixl}prefill_gpu_ids = [5, 1]\nprefill_tp = 2\ndecode_gpu_ids = [3]\n`),
    );
    expect(workers.map(({ env }) => env.CUDA_VISIBLE_DEVICES)).toEqual(["5,1", "3"]);
  });

  test("P11, P14: a role without TP takes inference.parallel.tp, and dp stays 1 with a word on it", async () => {
    const pd = `${symmetric}${nixl}[inference.parallel]\ntp = 2\ndp = 4\n`;
    const read = await typed("@ rl.toml", file(pd));
    expect(own(read)).toEqual(["prefill-0 gpus 0,1 tp 2", "decode-0 gpus 2,3 tp 2"]);
    expect(read.told).toEqual(["warning rl.toml:12 Leave out inference.parallel.dp = 4"]);
  });

  test("P12: TP must divide the list, and P2P needs it equal", async () => {
    expect(errorsOf(await typed("@ rl.toml", file(`${lists}${nixl}prefill_tp = 2\n`)))).toEqual([
      "rl.toml:7 Cannot cut the 1 GPUs of prefill_gpu_ids into workers of 2",
    ]);
    const unequal = await typed(`@ rl.toml ${old}`, file(`${symmetric}decode_tp = 2\n`));
    expect(unequal.problems[0]).toMatchObject({
      what: "P2pNcclConnector cannot join prefill_tp 1 and decode_tp 2",
      fix: expect.stringContaining("NixlConnector"),
      where: "rl.toml:9",
    });
  });

  test("P5, P6: kv_connector is any name; kv_send_type reaches P2P and is told to do nothing elsewhere", async () => {
    const p2p = await typedPlan(`@ rl.toml ${old}`, file(`${lists}kv_send_type = "GET"\n`));
    expect([p2p.connector.name, p2p.launch.extraConfig]).toEqual(["P2pNcclConnector", { send_type: "GET" }]);
    const other = await typed("@ rl.toml", file(`${lists}${nixl}kv_send_type = "GET"\n`));
    expect(other.told).toEqual(["warning rl.toml:10 Leave out kv_send_type"]);
    const unknown = await typed("@ rl.toml", file(`${lists}kv_connector = "MyOwnConnector"\n`));
    expect(unknown.planned).toMatchObject({ is: "planned", plan: { connector: { name: "MyOwnConnector" } } });
    expect(unknown.told).toHaveLength(1);
  });

  test("P16: auto_ports searches from the file's ports, and P2P ports stand TP apart", async () => {
    const pd =
      `prefill_gpu_ids = [0,1,2,3]\ndecode_gpu_ids = [4,5]\nprefill_tp = 2\ndecode_tp = 2\nproxy_port = 9000\n`;
    const { workers, router } = await typedPlan(`@ rl.toml ${old}`, file(pd));
    expect(router.port).toBe(9000);
    expect(workers.map(({ ports }) => [ports.http, ports.kv_port])).toEqual([
      [[8100], [14_579, 14_580]],
      [[8101], [14_581, 14_582]],
      [[8200], [14_583, 14_584]],
    ]);
  });

  test("P17: the host is pd_disagg's, else inference.server's, else 127.0.0.1", async () => {
    const hostOf = async (text: string) => (await typedPlan("@ rl.toml", file(`${lists}${nixl}${text}`))).router.host;
    expect(await hostOf('host = "10.0.0.1"\n[inference.server]\nhost = "10.0.0.2"\n')).toBe("10.0.0.1");
    expect(await hostOf('[inference.server]\nhost = "10.0.0.2"\n')).toBe("10.0.0.2");
    expect(await hostOf("")).toBe("127.0.0.1");
  });

  test("P18: fixed ports are exact, and the defaults collide at 2 prefill workers with both owners named", async () => {
    const fixed =
      "auto_ports = false\nprefill_port = 8110\ndecode_port = 8210\nprefill_kv_port = 15000\ndecode_kv_port = 15100\n";
    const { workers } = await typedPlan(`@ rl.toml ${old}`, file(symmetric + fixed));
    expect(workers.map(({ ports }) => [...ports.http ?? [], ...ports.kv_port ?? []])).toEqual([
      [8110, 15_000],
      [8111, 15_001],
      [8210, 15_100],
      [8211, 15_101],
    ]);
    expect(errorsOf(await typed(`@ rl.toml ${old}`, file(`${symmetric}auto_ports = false\n`)))).toEqual([
      "fixed ports Port 14580 is given to both prefill-1 (kv_port) and decode-0 (kv_port)",
    ]);
  });

  test("P30: /health waits for the workers, since the orchestrator waits for it alone", async () => {
    const { wish } = await typed("@ rl.toml", file(lists + nixl));
    expect(wish.spec.settings.health.value).toBe("ready");
  });

  test("P9: an elastic client is refused", async () => {
    const elastic = '[orchestrator.client.elastic]\nhostname = "h"\n';
    expect(errorsOf(await typed("@ rl.toml", file(lists + nixl, elastic)))).toEqual([
      "rl.toml:1 Leave out orchestrator.client.elastic",
    ]);
  });

  test("P21, P22, P23, P24: NCCL broadcast needs max_async_level 1, no LoRA and equal TP", async () => {
    const nccl = '[weight_broadcast]\ntype = "nccl"\n[orchestrator]\nmax_async_level = 2\n';
    const pd = `${symmetric}${nixl}decode_tp = 2\n`;
    const read = await typed("@ rl.toml --inference.enable_lora", file(pd, nccl));
    expect(errorsOf(read)).toEqual([
      "rl.toml:14 NCCL weight broadcast needs equal TP, not 1 for prefill and 2 for decode",
      "rl.toml:4 NCCL weight broadcast needs max_async_level 1, not 2",
      "flag --inference.enable_lora NCCL weight broadcast does not send LoRA adapters",
    ]);
    expect(errorsOf(await typed("@ rl.toml", file(pd, nccl.replace("nccl", "filesystem"))))).toEqual([]);
  });

  test("P25, P27, P28, P29: expert parallel settings reach both roles, backends by role, unknown ones refused", async () => {
    const pd = `${lists}${nixl}prefill_all2all_backend = "deepep_high_throughput"\ndecode_all2all_backend = "pplx"\n`;
    const ep = '[inference]\nenable_expert_parallel = true\nenable_eplb = true\nall2all_backend = "naive"\n';
    const text = `${ep}[inference.model]\nname = "org/m"\n[pd_disagg]\nenabled = true\n${pd}`;
    const { workers } = await typedPlan("@ rl.toml", { "rl.toml": text });
    for (const { argv } of workers) expect(argv).toContain("--enable-expert-parallel");
    const backends = workers.map(({ argv }) => argv.filter((_, at) => argv[at - 1] === "--all2all-backend").at(-1));
    expect(backends).toEqual(["deepep_high_throughput", "pplx"]);
    const wrong = await typed("@ rl.toml", { "rl.toml": text.replace("pplx", "ppl") });
    expect(wrong.problems.at(-1)).toMatchObject({ fix: 'decode_all2all_backend = "pplx"', where: "rl.toml:13" });
  });

  test.each([
    ["enabled = false", "rl.toml:6 Turn [pd_disagg] on"],
    ["", "rl.toml:5 Turn [pd_disagg] on"],
  ])("a table that is not on is refused: %j", async (enabled, told) => {
    const { "rl.toml": text = "" } = file(lists + nixl);
    expect(errorsOf(await typed("@ rl.toml", { "rl.toml": text.replace("enabled = true", enabled) }))).toEqual([told]);
  });

  test.each([
    ["prefill_gpu_ids = []\ndecode_gpu_ids = [1]", "rl.toml:7 Give prefill_gpu_ids at least one GPU"],
    ["decode_gpu_ids = [1]", "rl.toml:5 Give prefill_gpu_ids at least one GPU"],
    ["prefill_gpu_ids = [0, 0]\ndecode_gpu_ids = [1]", "rl.toml:7 pd_disagg.prefill_gpu_ids cannot be [0,0]"],
    ["prefill_gpu_ids = [0]\ndecode_gpu_ids = [0]", "rl.toml:8 GPU 0 stand in both prefill_gpu_ids and decode_gpu_ids"],
    [`${lists}prefil_tp = 1`, 'rl.toml:9 Unknown key "prefil_tp" in [pd_disagg]'],
    [`${lists}prefill_tp = 0`, "rl.toml:9 pd_disagg.prefill_tp cannot be 0"],
    [`${lists}auto_ports = "no"`, 'rl.toml:9 pd_disagg.auto_ports cannot be "no"'],
    [`${lists}kv_send_type = "PUSH"`, 'rl.toml:9 kv_send_type cannot be "PUSH"'],
    [`${lists}proxy_port = 99999`, "rl.toml:9 pd_disagg.proxy_port cannot be 99999"],
    [`${lists}[inference.modell]\nname = "m"`, 'rl.toml:9 Unknown key "modell" in [inference]'],
  ])("refuses %j with its line", async (pd, told) => {
    expect(errorsOf(await typed("@ rl.toml", file(pd)))).toContain(told);
  });
});

describe("PRIME-RL's line", () => {
  const { "rl.toml": text = "" } = file(lists + nixl);

  test("P3: several files, dotted keys and toml_files are laid over each other", async () => {
    const files = { "rl.toml": text, "more.toml": "[pd_disagg]\ndecode_gpu_ids = [1, 2]\n" };
    expect(own(await typed("@ rl.toml @ more.toml --pd_disagg.prefill-gpu-ids [4]", files))).toEqual([
      "prefill-0 gpus 4 tp 1",
      "decode-0 gpus 1 tp 1",
      "decode-1 gpus 2 tp 1",
    ]);
    const nested = { "rl.toml": text, "inner.toml": "decode_gpu_ids = [7]\n" };
    expect(own(await typed("@ rl.toml --pd_disagg @ inner.toml", nested))).toEqual([
      "prefill-0 gpus 0 tp 1",
      "decode-0 gpus 7 tp 1",
    ]);
  });

  test("PRIME_ variables count where no file says otherwise", async () => {
    const { wish } = await typed("@ rl.toml", { "rl.toml": text }, 8, undefined, {
      PRIME_PD_DISAGG__PROXY_PORT: "9001",
      PRIME_PD_DISAGG__DECODE_GPU_IDS: "[5]",
    });
    expect(wish.spec.settings.port).toEqual({
      value: 9001,
      origin: { is: "env", name: "PRIME_PD_DISAGG__PROXY_PORT" },
    });
    expect(wish.spec.layout?.groups[1]?.gpus).toEqual(["1"]);
  });

  test("toml_files is relative to its file, the including file wins, and where upstream would differ it is told", async () => {
    const files = {
      "c/base.toml": text,
      "c/d/ep.toml": 'toml_files = ["../base.toml"]\n[pd_disagg]\ndecode_gpu_ids = [3]\n',
    };
    const read = await typed("@ c/d/ep.toml", files);
    expect(own(read)).toEqual(["prefill-0 gpus 0 tp 1", "decode-0 gpus 3 tp 1"]);
    expect(read.told).toEqual(['warning c/d/ep.toml:2 Let "pd_disagg" of this file win over the one it includes']);
  });

  test("--toml-files literal lets the included file replace whole tables, as upstream's loader does", async () => {
    const files = {
      "base.toml": text,
      "ep.toml": 'toml_files = ["base.toml"]\n[pd_disagg]\ndecode_gpu_ids = [3]\n[weight_broadcast]\ntype = "nccl"\n',
    };
    const read = await typed("@ ep.toml --toml-files literal", files);
    expect(own(read)).toEqual(["prefill-0 gpus 0 tp 1", "decode-0 gpus 1 tp 1"]);
    expect(read.told).toEqual([]);
  });

  test("a file that is missing, includes itself, or is no TOML is told with its line", async () => {
    expect(errorsOf(await typed("@ gone.toml"))).toEqual(['flag @ Cannot read "gone.toml"']);
    expect(errorsOf(await typed("@ a.toml", { "a.toml": 'x = 1\ntoml_files = ["a.toml"]' }))).toEqual([
      'a.toml:2 "a.toml" includes itself',
    ]);
    expect(errorsOf(await typed("@ a.toml", { "a.toml": "x = 1\ny = = 2" }))).toEqual([
      'a.toml:2 Cannot read "y = = 2" as TOML',
    ]);
    expect(errorsOf(await typed("@ a.toml", { "a.toml": "[inference]\n" }))).toEqual([
      "a.toml:1 Say which GPUs prefill and which decode",
    ]);
  });
});

describe("today's [inference.deployment]", () => {
  const text = `
[inference.vllm]
model = "org/moe"
tensor_parallel_size = 2
max_model_len = 8192
tool_call_parser = "auto"
[inference.deployment]
type = "disaggregated"
gpus_per_node = 4
prefill_env_vars = { A = "1" }
decode_vllm_overrides = { max_num_seqs = 64 }
`;

  test("P36: nodes are groups of GPUs when they fit; each replica is one worker of parallel experts", async () => {
    const { workers, connector, launch } = await typedPlan("@ rl.toml", { "rl.toml": text });
    expect(workers.map(({ gpus, tp, dp, userEnv }) => [gpus.join(), tp, dp, userEnv])).toEqual([
      ["0,1,2,3", 2, 2, { A: "1" }],
      ["4,5,6,7", 2, 2, {}],
    ]);
    expect([connector.name, launch.extraConfig]).toEqual(["NixlConnector", { num_threads: 1 }]);
    expect(workers[1]?.userArgs.join(" ")).toBe(
      "--max-model-len 8192 --enable-expert-parallel --all2all-backend deepep_low_latency " +
        '--compilation-config {"cudagraph_mode":"FULL_DECODE_ONLY"} --max-num-seqs 64',
    );
    const { told } = await typed("@ rl.toml --inference.deployment.gpus_per_node 8", { "rl.toml": text });
    expect(told).toEqual([
      "warning rl.toml:6 Choose tool_call_parser yourself where it is needed",
      "error rl.toml:7 Cannot place 16 GPUs' worth of workers on 8 GPUs",
    ]);
  });

  test("without parallel experts the slices are workers of their own, and --scale-to-node can take fewer", async () => {
    const dense = "@ rl.toml --no-inference.vllm.enable_expert_parallel";
    expect((await typed(dense, { "rl.toml": text })).rows).toHaveLength(4);
    expect((await typed(`${dense} --scale-to-node`, { "rl.toml": text }, 4)).rows).toHaveLength(2);
  });

  test("offloading beside NIXL is a MultiConnector of both", async () => {
    const offload = `${text}[inference.kv_cache_offload]\ntype = "native"\ncpu = { num_bytes = 1000000000 }\n`;
    const { connector, launch } = await typedPlan("@ rl.toml", { "rl.toml": offload });
    expect(connector.name).toBe("MultiConnector");
    expect(JSON.stringify(launch.extraConfig)).toContain('"cpu_bytes_to_use":1000000000');
  });

  test.each([
    ['type = "disaggregated"', 'type = "multi_node"', 'rl.toml:8 Cannot split a deployment of type "multi_node"'],
    ["gpus_per_node = 4", "gpu_per_node = 4", 'rl.toml:9 Unknown key "gpu_per_node" in [inference.deployment]'],
    ["gpus_per_node = 4", "num_prefill_nodes = 1", 'rl.toml:9 Rename "num_prefill_nodes" of [inference.deployment]'],
    [
      "tensor_parallel_size = 2",
      "tensor_parallel_size = 3",
      "rl.toml:7 Cannot cut 4 GPUs of a prefill replica into tensor_parallel_size 3",
    ],
  ])("%s as %s is refused", async (from, to, told) => {
    expect(errorsOf(await typed("@ rl.toml", { "rl.toml": text.replace(from, to) }))).toContain(told);
  });
});
