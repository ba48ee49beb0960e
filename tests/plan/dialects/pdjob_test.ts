import { describe, expect, test } from "bun:test";
import { errorsOf, typed, typedPlan } from "./typed.ts";

const producer = `'{"kv_connector":"NixlConnector","kv_role":"kv_producer"}'`;
const consumer = `'{"kv_connector":"NixlConnector","kv_role":"kv_consumer"}'`;

interface Parts {
  readonly top?: string;
  readonly command?: string;
  readonly general?: string;
  readonly prefill?: string;
  readonly decode?: string;
  readonly prefillKv?: string;
  readonly decodeKv?: string;
  readonly prefillParams?: string;
  readonly replicas?: number;
}

/** A job of one prefill and one decode worker; each part adds keys or takes a value's place. */
function job(parts: Parts = {}): Record<string, string> {
  const text = `
gpus_per_worker: 1
working_dir: /tmp/pd
${parts.top ?? "num_gpus: 4"}
scheduler:
  command: ${parts.command ?? '"vllm-router --vllm-pd-disaggregation --port {PORT} --prefill $PREFILL_URL_1"'}
general:
  params: {model: org/m, host: 0.0.0.0, port: '{PORT}'${parts.general ?? ""}}
prefill:
  num_gpus: 1
  replicas: ${parts.replicas ?? 1}
  ${parts.prefill ?? "envs: {}"}
  params: {kv_transfer_config: ${parts.prefillKv ?? producer}${parts.prefillParams ?? ""}}
decode:
  num_gpus: 1
  replicas: 1
  ${parts.decode ?? "envs: {}"}
  params: {kv_transfer_config: ${parts.decodeKv ?? consumer}}
`;
  return { "job.yaml": text };
}

const line = "pdjob --config=job.yaml";

describe("pdserve pdjob", () => {
  test("J1, J3, J12: reads the file, takes pdjob's flag, and replaces host and port by its own", async () => {
    const { planned, told } = await typed(`${line} --disable-log-to-driver`, job());
    expect(told).toEqual([]);
    expect(planned).toMatchObject({
      is: "planned",
      plan: { model: "org/m", router: { host: "127.0.0.1", port: 8021 } },
    });
    const { workers } = await typedPlan(line, job());
    expect(workers.map(({ name, host, port, gpus }) => [name, host, port, gpus.join()])).toEqual([
      ["prefill-0", "127.0.0.1", 8100, "0"],
      ["decode-0", "127.0.0.1", 8101, "1"],
    ]);
  });

  test("without a file it asks for one", async () => {
    expect(errorsOf(await typed("pdjob --dry-run"))).toContain("flag --config Name the job's file");
  });

  test("J4, J8, J9: timeout is the start's limit, and {PORT} in the command is the scheduler's port", async () => {
    const { wish } = await typed(line, job({ top: "num_gpus: 4\ntimeout: 900" }));
    expect(wish.spec.settings.startupTimeoutMs.value).toBe(900_000);
    expect(wish.spec.settings.port.value).toBe(8021);
    expect(errorsOf(await typed(line, job({ command: '""' })))).toEqual(["job.yaml:6 Give scheduler.command"]);
  });

  test("J5: num_gpus must hold all replicas, and gpus_per_worker divide them", async () => {
    expect(errorsOf(await typed(line, job({ replicas: 4 })))).toEqual([
      "job.yaml:4 num_gpus 4 is less than the 5 GPUs of the roles",
    ]);
    const bundles = { "job.yaml": (job()["job.yaml"] ?? "").replace("gpus_per_worker: 1", "gpus_per_worker: 2") };
    expect(errorsOf(await typed(line, bundles))).toEqual([
      "job.yaml:10 pdjob prefill has 1 GPUs, which gpus_per_worker 2 does not divide",
      "job.yaml:15 pdjob decode has 1 GPUs, which gpus_per_worker 2 does not divide",
    ]);
  });

  test("J6: workers run in working_dir", async () => {
    expect((await typedPlan(line, job())).workers.map(({ cwd }) => cwd)).toEqual(["/tmp/pd", "/tmp/pd"]);
  });

  test("J7, J28: variables are global and by role, with Python's spelling of truth, and null is none", async () => {
    const parts = {
      top: "num_gpus: 4\nenvs: {A: 1, B: true}",
      prefill: "envs: {VLLM_ATTENTION_BACKEND: FLASHMLA, A: 2}",
      decode: "envs: null",
    };
    const { workers } = await typedPlan(line, job(parts));
    expect(workers.map(({ userEnv }) => userEnv)).toEqual([
      { A: "2", B: "True", VLLM_ATTENTION_BACKEND: "FLASHMLA" },
      { A: "1", B: "True" },
    ]);
    expect(workers[0]?.env.VLLM_ATTENTION_BACKEND).toBe("FLASHMLA");
  });

  test("a key nobody reads is told, with the one that was meant", async () => {
    const { problems } = await typed(line, job({ top: "num_gpus: 4\ntime_out: 5", prefill: "env: {}" }));
    expect(problems.map(({ where, what, fix }) => [where, what, fix])).toEqual([
      ["job.yaml:5", 'Ignore the key "time_out" of a pdjob', "timeout"],
      ["job.yaml:13", 'Ignore the key "env" of prefill', "envs"],
    ]);
  });

  test("a variable that the plan gives out itself is told to be ignored", async () => {
    const { told } = await typed(line, job({ prefill: "envs: {VLLM_API_KEY: k}" }));
    expect(told).toEqual(["warning job.yaml:12 Ignore the variable VLLM_API_KEY of the engines"]);
  });

  test("J10: placeholders count from 1 up to the replicas, and one too many is an error", async () => {
    const command =
      '"vllm-router --pd-disaggregation --port {PORT} --prefill ${PREFILL_URL_10} --decode $DECODE_URL_1"';
    const many = job({ command, replicas: 10, top: "num_gpus: 11" });
    expect(errorsOf(await typed(line, many, 16))).toEqual([]);
    expect(errorsOf(await typed(line, job({ command })))).toEqual([
      "job.yaml:6 Nothing stands for ${PREFILL_URL_10} in scheduler.command",
    ]);
  });

  test("J11, J13, J16, J26: role params win over general ones, both _extra_params come last, replicas make workers", async () => {
    const general = ", served_model_name: mine, seed: 1, enforce_eager: 'true', _extra_params: --trust-remote-code";
    const prefillParams = ", seed: 2, enable_prefix_caching: False, _extra_params: '--max-num-seqs 8'";
    const { workers, servedModelName } = await typedPlan(line, job({ general, prefillParams, replicas: 2 }));
    expect(servedModelName).toBe("mine");
    expect(workers.map(({ userArgs }) => userArgs.join(" "))).toEqual([
      "--seed 2 --enforce-eager --no-enable-prefix-caching --trust-remote-code --max-num-seqs 8",
      "--seed 2 --enforce-eager --no-enable-prefix-caching --trust-remote-code --max-num-seqs 8",
      "--seed 1 --enforce-eager --trust-remote-code",
    ]);
  });

  test("J14: parallel sizes make a replica's GPUs", async () => {
    const two = job({ prefillParams: ", tensor_parallel_size: 2" });
    expect(errorsOf(await typed(line, two))).toEqual(["job.yaml:10 pdjob prefill is given 1 GPUs and uses 2"]);
    const right = { "job.yaml": (two["job.yaml"] ?? "").replace("num_gpus: 1\n  replicas", "num_gpus: 2\n  replicas") };
    expect((await typedPlan(line, right)).workers[0]).toMatchObject({ tp: 2, gpus: ["0", "1"] });
  });

  test("J15: kv_transfer_config is text with placeholders; one with an ellipsis is told what to write", async () => {
    const kv = `'{"kv_connector":"P2pNcclConnector","kv_role":"kv_producer","kv_ip":"{KV_IP}","kv_port":{PORT},` +
      `"kv_connector_extra_config":{"http_port":"{PORT}","nccl_num_channels":"16"}}'`;
    const other = kv.replace("producer", "consumer");
    const { launch, connector } = await typedPlan(
      `${line} --engine sim -- --sim-vllm-version 0.22.0`,
      job({ prefillKv: kv, decodeKv: other }),
    );
    expect([connector.name, launch.extraConfig]).toEqual(["P2pNcclConnector", { nccl_num_channels: "16" }]);
    const dots = `'{"kv_connector":"NixlConnector","kv_role":"kv_producer",...}'`;
    expect((await typed(line, job({ prefillKv: dots }))).problems).toMatchObject([{
      what: 'Replace "..." in --kv-transfer-config by the members it stands for',
      fix: producer,
      where: "job.yaml:13",
    }]);
    const node = producer.replace("}'", `,"kv_connector_extra_config":{"id":"{NODE_NAME}"}}'`);
    expect(errorsOf(await typed(line, job({ prefillKv: node })))).toEqual([
      "job.yaml:13 Cannot fill {NODE_NAME} in id",
    ]);
  });

  test("J17, J18, J24: the connector is prefill's, in any case of letters, and one upstream does not list is told", async () => {
    const lower = await typed(line, job({ prefillKv: producer.replace("Nixl", "nixl") }));
    expect(lower.planned).toMatchObject({ is: "planned", plan: { connector: { name: "NixlConnector" } } });
    const differ = await typed(line, job({ decodeKv: consumer.replace("Nixl", "Example") }));
    expect(differ.told).toEqual(["warning job.yaml:18 Use NixlConnector here too, in place of ExampleConnector"]);
    const strange = { prefillKv: producer.replace("Nixl", "My"), decodeKv: consumer.replace("Nixl", "My") };
    expect((await typed(line, job(strange))).told[0]).toBe(
      'warning job.yaml:13 Unrecognized kv_connector "MyConnector" for pdjob',
    );
  });

  test("J22, J23: the toy proxy's and the cargo router's flags become the router's", async () => {
    const toy =
      '"python toy_proxy_server.py --port 9000 --host 0.0.0.0 --prefiller-hosts $PREFILL_HOST_1 --prefiller-ports $PREFILL_PORT_1 --decoder-hosts $DECODE_HOST_1 --decoder-ports $DECODE_PORT_1"';
    expect((await typedPlan(line, job({ command: toy }))).router).toEqual({ host: "0.0.0.0", port: 9000 });
    const cargo =
      '"cargo run --release -- --policy round_robin --vllm-pd-disaggregation --prefill $PREFILL_URL_1 --decode $DECODE_URL_1 --host 127.0.0.1 --port {PORT}"';
    const { wish, told } = await typed(line, job({ command: cargo }));
    expect([wish.spec.settings.prefillPolicy.value, wish.spec.settings.decodePolicy.value]).toEqual([
      "round_robin",
      "round_robin",
    ]);
    expect(told).toEqual([]);
  });

  test("J8: a command pdserve does not know is run as it is, with the workers' addresses; --scheduler says otherwise", async () => {
    const own = job({
      command: "'python mine.py --port {PORT} --p $PREFILL_URL_1 --d ${DECODE_HOST_1}:$DECODE_PORT_1'",
    });
    const { planned, told } = await typed(line, own);
    const plan = planned?.is === "planned" ? planned.plan : null;
    const [prefill, decode] = (plan?.workers ?? []).map(({ port }) => port);
    expect(plan?.scheduler).toEqual({
      argv: [
        ..."python mine.py --port 8021 --p".split(" "),
        `http://127.0.0.1:${prefill}`,
        "--d",
        `127.0.0.1:${decode}`,
      ],
      port: 8021,
      cwd: "/tmp/pd",
    });
    expect(plan?.router.port).toBe(8000);
    expect(told).toEqual([`warning job.yaml:6 Run "python mine.py" as the router: the workers ask for no key`]);
    const builtin = await typed(`${line} --scheduler builtin`, own);
    expect(builtin.told).toEqual([`warning job.yaml:6 Serve by pdserve's own router in place of "python mine.py"`]);
    expect(builtin.planned).toMatchObject({ plan: { router: { port: 8021 } } });
    const known = job({ command: '"python toy_proxy_server.py --port {PORT} --prefiller-ports $PREFILL_PORT_1"' });
    expect(await typedPlan(line, known)).not.toHaveProperty("scheduler");
    expect((await typedPlan(`${line} --scheduler command`, known)).scheduler?.argv[1]).toBe("toy_proxy_server.py");
  });

  test("J8: what only a shell understands, and a port that is taken, are refused", async () => {
    const of = async (command: string, more = "") => errorsOf(await typed(`${line} ${more}`, job({ command })));
    expect(await of('"a.py && b.py"')).toEqual(['job.yaml:6 Take "&&" out of scheduler.command']);
    expect(await of('"mine.py"', "--port 8021")).toEqual(["job.yaml:6 The scheduler cannot have port 8021"]);
  });

  test.each([
    ["prefill:", "prefil:", 'job.yaml:1 Add a map called "prefill"'],
    ["replicas: 1", "replicas: 0", 'job.yaml:11 prefill.replicas cannot be "0"'],
    ["num_gpus: 1", "num_gpu: 1", "job.yaml:10 Give prefill.num_gpus"],
    ["kv_transfer_config:", "kv_transfer:", "job.yaml:13 Give prefill.params a kv_transfer_config"],
    ["kv_connector", "kv_connectr", "job.yaml:13 --kv-transfer-config names no kv_connector"],
    ["kv_producer", "producer", 'job.yaml:13 kv_role cannot be "producer"'],
    ["model: org/m, ", "", "MODEL"],
    ["general:", "generel:", 'job.yaml:2 Give "general" a map of params'],
    ["port {PORT}", "port '{PORT}", "job.yaml:6 Cannot split scheduler.command into words"],
  ])("refuses %j as %j with its line", async (from, to, told) => {
    const text = (job()["job.yaml"] ?? "").replace(from, to);
    const errors = errorsOf(await typed("plan --config job.yaml --dialect pdjob", { "job.yaml": text }));
    expect(errors.some((one) => one.includes(told)) ? told : errors).toEqual(told);
  });

  test("a parameter without a value is left out, and a list is JSON", async () => {
    const { rows, told } = await typed(line, job({ general: ", seed: null, compilation_config: {level: 3}" }));
    expect(rows[0]).toBe('prefill-0 gpus 0 tp 1 --compilation-config {"level":3}');
    expect(told).toEqual(["warning job.yaml:8 Leave out seed"]);
  });
});
