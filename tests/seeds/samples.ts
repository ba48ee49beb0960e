// Each sample of the five documents, as a line that a user of that system types here.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { splitShellWords } from "../../plan/shell_words.ts";

export interface Sample {
  /** Also the name of its golden plan. */
  readonly name: string;
  readonly document: "vime" | "PRIME-RL" | "slime" | "guide" | "pdjob";
  /** Without `pdserve`. */
  readonly argv: readonly string[];
  /** Files the line names, by the names it uses. */
  readonly files: Readonly<Record<string, string>>;
  /** GPUs of the box it is planned for. */
  readonly gpus: number;
  /** What the line needs besides to run on simulated engines; null for a sample that is refused. */
  readonly simulated: readonly string[] | null;
}

const folder = join(import.meta.dir, "samples");
export const sampleText = (name: string): string => readFileSync(join(folder, name), "utf8");

const model = "Qwen/Qwen3-0.6B";
const guideModel = "meta-llama/Llama-3.1-70B-Instruct";
/** The README leaves members out with three dots inside its JSON. */
const mendedJob = sampleText("pdjob.yaml").replaceAll(",...}", "}");

/** The job with another scheduler command and two replicas of each role, as that command counts them. */
function jobOfTwo(commandFile: string): string {
  return mendedJob.replace(/command: ".*"/, sampleText(commandFile).trim())
    .replaceAll("replicas: 1", "replicas: 2").replace("num_gpus: 16", "num_gpus: 32");
}

/** Members of a `KVTransferConfig(...)` in Python, as JSON. */
function keywords(python: string): Readonly<Record<string, unknown>> {
  const body = python.slice(python.indexOf("(") + 1, python.lastIndexOf(")"));
  const json = body.replace(/\s#.*$/gm, "").replace(/(\d)_(?=\d)/g, "$1").replace(/^\s*(\w+)=/gm, '"$1":');
  return JSON.parse(`{${json.replace(/,(\s*[}\]])/g, "$1").replace(/,\s*$/, "")}}`) as Record<string, unknown>;
}

/** What the guide gives Python, said by flags. */
function flagsOf(file: string): string[] {
  const { kv_connector: name, kv_connector_extra_config: extra } = keywords(sampleText(file));
  return ["--kv-connector", String(name), "--kv-extra-config", JSON.stringify(extra)];
}

/** Of a launch line, only what pdserve stands in for: the trainer's own words are not its. */
function launch(file: string): string[] {
  const words = splitShellWords(sampleText(file).replaceAll(/\\\n/g, " ")) ?? [];
  return words.slice(words.findIndex((word) => /^(--|@)/.test(word))).filter((word) => word !== "...");
}

const vime = {
  document: "vime",
  argv: [model, ...launch("vime_launch.txt")],
  files: { "vllm_pd.yaml": sampleText("vime.yaml") },
} as const;
const slime = {
  document: "slime",
  argv: [model, ...launch("slime_launch.txt")],
  files: { "sglang_pd.yaml": sampleText("slime.yaml") },
} as const;
const primeFile = launch("prime_rl_launch.txt")[1] ?? "";
const job = ["pdjob", "--config=config.yaml"];
const sim = ["--engine", "sim"];
/** The README's model is a path that is nowhere; a MODEL on the line wins over the file's. */
const jobOf = [...job, model];

export const samples: readonly Sample[] = [
  { name: "vime", ...vime, gpus: 16, simulated: sim },
  { name: "vime_too_big", ...vime, gpus: 8, simulated: null },
  { name: "vime_scaled", ...vime, argv: [...vime.argv, "--scale-to-node"], gpus: 8, simulated: sim },
  {
    name: "vime_shorthand",
    document: "vime",
    argv: [model, ...launch("vime_shorthand.txt"), "--rollout-num-gpus", "4"],
    files: {},
    gpus: 8,
    simulated: sim,
  },
  { name: "slime", ...slime, gpus: 16, simulated: ["--engine", "sim-sglang"] },
  { name: "slime_on_vllm", ...slime, argv: [...slime.argv, "--engine", "vllm"], gpus: 16, simulated: sim },
  {
    name: "prime_rl",
    document: "PRIME-RL",
    argv: launch("prime_rl_launch.txt"),
    files: { [primeFile]: sampleText("prime_rl_example.toml") },
    gpus: 8,
    // Its ports are fixed; a test's must not be.
    simulated: [...sim, "--pd_disagg.auto_ports", "true"],
  },
  {
    name: "guide_pair",
    document: "guide",
    argv: [
      ...[guideModel, "--prefill-tp", "4", "--decode-tp", "4", "--kv-connector", "NixlConnector"],
      ...["--kv-transfer-config.kv_buffer_device", "cuda"],
    ],
    files: {},
    gpus: 8,
    simulated: sim,
  },
  {
    name: "guide_nixl",
    document: "guide",
    argv: [guideModel, "--pd", "1P1D", ...flagsOf("guide_nixl.py")],
    files: {},
    gpus: 8,
    simulated: sim,
  },
  {
    name: "guide_offloading",
    document: "guide",
    argv: [guideModel, "--rollout-num-gpus", "1", ...flagsOf("guide_offloading.py")],
    files: {},
    gpus: 8,
    simulated: sim,
  },
  {
    name: "guide_multi",
    document: "guide",
    argv: [guideModel, "--pd", "1P1D", ...flagsOf("guide_multi.py")],
    files: {},
    gpus: 8,
    simulated: sim,
  },
  {
    name: "kubernetes",
    document: "guide",
    argv: ["--config", "pd.yaml"],
    files: { "pd.yaml": sampleText("kubernetes.yaml") },
    gpus: 8,
    simulated: sim,
  },
  {
    name: "pdjob_verbatim",
    document: "pdjob",
    argv: job,
    files: { "config.yaml": sampleText("pdjob.yaml") },
    gpus: 16,
    simulated: null,
  },
  { name: "pdjob", document: "pdjob", argv: jobOf, files: { "config.yaml": mendedJob }, gpus: 16, simulated: sim },
  {
    name: "pdjob_toy_proxy",
    document: "pdjob",
    argv: jobOf,
    files: { "config.yaml": jobOfTwo("pdjob_toy_proxy.txt") },
    gpus: 32,
    simulated: sim,
  },
  {
    name: "pdjob_cargo",
    document: "pdjob",
    argv: jobOf,
    files: { "config.yaml": jobOfTwo("pdjob_cargo.txt") },
    gpus: 32,
    simulated: sim,
  },
];
