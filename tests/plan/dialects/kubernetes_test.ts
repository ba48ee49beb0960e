import { describe, expect, test } from "bun:test";
import { errorsOf, typed, typedPlan } from "./typed.ts";

interface Pool {
  readonly name: string;
  readonly args?: readonly string[];
  readonly more?: string;
  readonly gpus?: number;
  readonly replicas?: number;
}

function deployment({ name, args = [], more = "", gpus = 1, replicas = 1 }: Pool): string {
  return `kind: Deployment
metadata: {name: ${name}}
spec:
  replicas: ${replicas}
  template:
    spec:
      containers:
      - name: vllm
        args: ${JSON.stringify(["--model=org/m", ...args])}
        resources: {limits: {nvidia.com/gpu: "${gpus}"}}
${more}`;
}

const kv = (role: string) => `--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"${role}"}`;
const prefill = { name: "vllm-prefill", args: [kv("kv_producer")] };
const decode = { name: "vllm-decode", args: [kv("kv_consumer")] };
const manifest = (...documents: string[]) => ({ "k.yaml": documents.join("\n---\n") });
const line = "--config k.yaml";

describe("a Kubernetes manifest", () => {
  test("K4, K20, K21: becomes one plan: replicas are workers, limits are GPUs, `=` and words of their own are flags", async () => {
    const files = manifest(
      deployment({ ...prefill, args: [...prefill.args, "--tensor-parallel-size", "4"], gpus: 4 }),
      deployment({
        ...decode,
        args: [...decode.args, "--tensor-parallel-size=2", "--gpu-memory-utilization=0.95"],
        gpus: 2,
        replicas: 2,
      }),
      "kind: Service\nspec: {ports: [{port: 8080}]}",
    );
    expect((await typed(line, files)).rows).toEqual([
      "prefill-0 gpus 0,1,2,3 tp 4",
      "decode-0 gpus 4,5 tp 2 --gpu-memory-utilization=0.95",
      "decode-1 gpus 6,7 tp 2 --gpu-memory-utilization=0.95",
    ]);
    expect((await typedPlan(line, files)).router.port).toBe(8080);
    expect(errorsOf(await typed(line, files, 4))).toEqual(["k.yaml:1 Cannot place 8 GPUs' worth of workers on 4 GPUs"]);
  });

  test("K7: kv_both takes the role of the Deployment's name, and asks where that does not tell", async () => {
    const both = [kv("kv_both")];
    const named = manifest(deployment({ ...prefill, args: both }), deployment({ ...decode, args: both }));
    expect((await typedPlan(line, named)).workers.map(({ role }) => role)).toEqual(["prefill", "decode"]);
    const nameless = manifest(deployment({ name: "a", args: both }), deployment({ ...decode, args: both }));
    expect(errorsOf(await typed(line, nameless))).toEqual(["k.yaml:1 Say whether Deployment a prefills or decodes"]);
  });

  test("K24: both must serve the same model", async () => {
    const files = manifest(deployment(prefill), deployment(decode).replace("org/m", "org/other"));
    expect(errorsOf(await typed(line, files))).toEqual([
      'k.yaml:21 Give all workers one model, not "org/m" and "org/other"',
    ]);
  });

  test("K15, K16: members of the transfer config and of its extra config keep their JSON types", async () => {
    const more = `"kv_buffer_device":"cpu","kv_connector_extra_config":{"backends":["UCX","GDS"],"num_threads":2}`;
    const args = (role: string) => [kv(role).replace("}", `,${more}}`)];
    const files = manifest(
      deployment({ ...prefill, args: args("kv_producer") }),
      deployment({ ...decode, args: args("kv_consumer") }),
    );
    const { launch, workers } = await typedPlan(line, files);
    expect(launch.extraConfig).toEqual({ backends: ["UCX", "GDS"], num_threads: 2 });
    const config = workers[0]?.argv.find((_, at, argv) => argv[at - 1] === "--kv-transfer-config") ?? "";
    expect(JSON.parse(config)).toMatchObject({ kv_buffer_device: "cpu", kv_role: "kv_producer" });
  });

  test("a command in a shell, and variables, are read; a router's Deployment is left out", async () => {
    const command = `        command: [sh, -c, "vllm serve org/m --enforce-eager ${
      kv("kv_producer").replaceAll('"', '\\"').replace("={", " '{")
    }'"]
        env: [{name: A, value: "1"}, {name: S, valueFrom: {secretKeyRef: {name: s, key: k}}}]
`;
    const shell = deployment({ ...prefill, more: command }).replace(/ {8}args: .*\n/, "");
    const router =
      "kind: Deployment\nmetadata: {name: router}\nspec: {template: {spec: {containers: [{name: r, args: [serve]}]}}}";
    const { rows, told, planned } = await typed(line, manifest(shell, deployment(decode), router));
    expect(rows).toEqual(["prefill-0 gpus 0 tp 1 --enforce-eager", "decode-0 gpus 1 tp 1"]);
    expect(planned).toMatchObject({ plan: { workers: [{ userEnv: { A: "1" } }, {}] } });
    expect(told).toEqual([
      "warning k.yaml:11 Set S yourself where it is needed",
      "warning k.yaml:26 Ignore the Deployment router",
    ]);
  });

  test.each([
    [manifest("kind: Deployment\nmetadata: {name: x}"), "k.yaml:1 Find no Deployment that runs vLLM"],
    [manifest(deployment(prefill)), "k.yaml:1 Add a worker that does decode"],
    [
      manifest(deployment(prefill), deployment({ name: "vllm-decode" })),
      "k.yaml:13 Give Deployment vllm-decode a --kv-transfer-config, or leave it out",
    ],
    [
      manifest(deployment({ ...prefill, args: [...prefill.args, "--tensor-parallel-size=2"] }), deployment(decode)),
      "k.yaml:10 Deployment vllm-prefill is given 1 GPUs and uses 2",
    ],
    [manifest(deployment(prefill), deployment({ ...decode, replicas: -1 })), 'k.yaml:16 replicas cannot be "-1"'],
    [
      manifest(deployment({ ...prefill, args: ["--kv-transfer-config={"] }), deployment(decode)),
      "k.yaml:9 --kv-transfer-config is not a JSON object",
    ],
  ])("refuses what cannot be planned with its line (%#)", async (files, told) => {
    expect(errorsOf(await typed(line, files))).toContain(told);
  });
});
