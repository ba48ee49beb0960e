import { describe, expect, test } from "bun:test";
import { type SplitArgv, splitArgv } from "../../cli/split_argv.ts";
import { engines, isEngineName } from "../../supervisor/engines/index.ts";

function split(...argv: string[]): SplitArgv {
  return splitArgv(argv, (name) => engines[name !== null && isEngineName(name) ? name : "vllm"]);
}

function own(...argv: string[]): Record<string, string> {
  const { values, problems } = split(...argv);
  expect(problems).toEqual([]);
  return Object.fromEntries(values.map(({ key, value }) => [key, value]));
}

/** What each role's engine gets, `--prefill.X` and the like after what goes to both. */
function engine(...argv: string[]): { prefill: string[]; decode: string[] } {
  const { engineArgs, problems } = split(...argv);
  expect(problems).toEqual([]);
  const words = (list: readonly { words: readonly string[] }[]) => list.flatMap((one) => one.words);
  return {
    prefill: [...words(engineArgs.both), ...words(engineArgs.prefill)],
    decode: [...words(engineArgs.both), ...words(engineArgs.decode)],
  };
}

function problems(...argv: string[]): string[] {
  return split(...argv).problems.map(({ what, why, fix }) => `${what} | ${why} | ${fix}`);
}

describe("splitArgv() finds the verb and MODEL", () => {
  test("a lone MODEL needs no verb", () => {
    expect(split("Qwen/Qwen3-32B")).toMatchObject({ verb: null, model: "Qwen/Qwen3-32B", problems: [] });
  });

  test("a verb may stand after flags, and MODEL anywhere", () => {
    const line = split("--port", "9000", "plan", "--tp", "2", "m", "--strict-port");
    expect(line).toMatchObject({ verb: "plan", model: "m", problems: [] });
  });

  test("a model that is called like a verb is named after one", () => {
    expect(split("up", "plan")).toMatchObject({ verb: "up", model: "plan" });
    expect(split("./plan")).toMatchObject({ verb: null, model: "./plan" });
  });

  test("vLLM's --model is MODEL", () => {
    expect(split("--model", "m")).toMatchObject({ model: "m", problems: [] });
  });

  test("words after help and completion are theirs", () => {
    expect(split("help", "plan")).toMatchObject({ verb: "help", operands: ["plan"], model: null });
    expect(split("completion", "zsh")).toMatchObject({ verb: "completion", operands: ["zsh"], problems: [] });
  });

  test("-h, --help, --help=WORD and -V are wishes, whatever else stands there", () => {
    expect(split("-h").help).toEqual({ is: "short" });
    expect(split("plan", "--help")).toMatchObject({ verb: "plan", help: { is: "full" } });
    expect(split("--help=gpu").help).toEqual({ is: "about", word: "gpu" });
    expect(split("m", "-V").asksVersion).toBe(true);
    expect(split("m", "--", "--help").help).toBeNull();
  });

  test("two models are one too many", () => {
    expect(problems("a", "b")).toEqual([
      'Name one MODEL, not "a" and "b" | a run serves one model | pdserve a; a value that has spaces must be quoted',
    ]);
  });

  test("a misspelt verb before MODEL is recognised", () => {
    expect(problems("plann", "m")).toEqual(['Unknown verb "plann" | a MODEL follows it | pdserve plan m']);
  });
});

describe("splitArgv() reads pdserve's own flags", () => {
  test("with a space or =, with _ or -, by alias, the last one last", () => {
    expect(own("m", "--prefill_gpus=0,1", "--decode-gpus", "2;3", "-tp", "2", "--connector", "nixl")).toEqual({
      prefillGpus: "0,1",
      decodeGpus: "2;3",
      tp: "2",
      kvConnector: "nixl",
    });
    expect(own("--port", "1", "--port", "2")).toEqual({ port: "2" });
  });

  test("the YAML path of a role is a flag too", () => {
    expect(own("--prefill.gpus", "0-3", "--decode.tp=2")).toEqual({ prefillGpus: "0-3", decodeTp: "2" });
  });

  test("a switch says true, its opposite false, and =false turns it", () => {
    expect(own("--strict-port", "--no-canary")).toEqual({ strictPort: "true", canary: "false" });
    expect(own("--no-strict-port", "--canary")).toEqual({ strictPort: "false", canary: "true" });
    expect(own("--strict-port=false", "--no-canary=false")).toEqual({ strictPort: "false", canary: "true" });
    expect(problems("--strict-port=maybe")).toEqual([
      'Cannot read "maybe" after --strict-port= | a switch is true or false | --strict-port=true',
    ]);
  });

  test("a list takes several URLs and may be repeated; MODEL after it stays MODEL", () => {
    const line = split("--prefill", "http://a:1", "b:2#tp=2", "--decode", "c:3", "m", "--decode=unix:/d");
    expect(line.values).toEqual([
      { key: "prefillUrls", value: "http://a:1", flag: "--prefill" },
      { key: "prefillUrls", value: "b:2#tp=2", flag: "--prefill" },
      { key: "decodeUrls", value: "c:3", flag: "--decode" },
      { key: "decodeUrls", value: "unix:/d", flag: "--decode" },
    ]);
    expect(line.model).toBe("m");
  });

  test("- and negative numbers are values", () => {
    expect(own("--access-log", "-", "--max-queue", "-1")).toEqual({ accessLog: "-", maxQueue: "-1" });
  });

  test("a flag without value shows the right line", () => {
    expect(problems("m", "--pd", "--tp", "2")).toEqual(["Give --pd a value | the next word is --tp | --pd 2P2D"]);
    expect(problems("m", "--progress")).toEqual(["Give --progress a value | the line ends there | --progress auto"]);
    expect(problems("m", "--port=")).toHaveLength(1);
  });
});

describe("splitArgv() passes on what is the engine's", () => {
  test("habitual flags go to both roles without --", () => {
    expect(engine("m", "--max_model_len", "8k", "--enforce-eager", "--no-enable-prefix-caching", "-q", "fp8").decode)
      .toEqual(["--max-model-len", "8k", "--enforce-eager", "--no-enable-prefix-caching", "-q", "fp8"]);
  });

  test("a dotted habitual flag takes a value and keeps the case of its JSON key", () => {
    expect(engine("m", "--compilation_config.pass_config.x", "true").prefill)
      .toEqual(["--compilation-config.pass_config.x", "true"]);
  });

  test("--prefill.X V goes to one role, and true and false are switches", () => {
    const args = engine("m", "--prefill.max_num_seqs", "8", "--decode.enforce-eager", "true", "--decode.foo=false");
    expect(args).toEqual({ prefill: ["--max-num-seqs", "8"], decode: ["--enforce-eager", "--no-foo"] });
  });

  test("deeper dots and values that begin with a dash survive", () => {
    const args = engine("m", "--decode.compilation-config.mode", "3", "--decode.x=-y");
    expect(args.decode).toEqual(["--compilation-config.mode", "3", "--x=-y"]);
  });

  test("--prefill-args and --decode-args are split as a shell would", () => {
    const args = engine("m", "--prefill-args", "--max-num-seqs 8 --hf-overrides '{\"a\": 1}'", "--decode-args=--x");
    expect(args).toEqual({ prefill: ["--max-num-seqs", "8", "--hf-overrides", '{"a": 1}'], decode: ["--x"] });
    expect(problems("m", "--decode-args", "'open")).toHaveLength(1);
  });

  test("everything after -- goes to both, untouched", () => {
    const words = ["--weird_flag=x", "y", "--max-model-len", "8"];
    expect(engine("m", "--", ...words)).toEqual({ prefill: words, decode: words });
  });

  test("the simulator's flags pass only with --engine sim", () => {
    expect(engine("m", "--engine=sim", "--sim-prefill-speed", "9").decode).toEqual(["--sim-prefill-speed", "9"]);
    expect(problems("m", "--sim-prefill-speed", "9")).toHaveLength(1);
  });

  test("a role flag without value shows the right line", () => {
    expect(problems("m", "--decode.enforce-eager", "--tp", "2")).toEqual([
      "Give --decode.enforce-eager a value | the next word is --tp | --decode.enforce-eager true",
    ]);
  });
});

describe("splitArgv() refuses what it must", () => {
  test("flags of the plan, wherever they stand, with the reason and the way out", () => {
    const refused =
      split("m", "--kv_transfer_config={}", "--prefill.port", "1", "--", "--port", "2", "--api-key=secret").problems;
    expect(refused.map(({ what, where }) => [what, where])).toEqual([
      ["--kv_transfer_config is set by pdserve", "flag --kv_transfer_config"],
      ["--prefill.port is set by pdserve", "flag --prefill.port"],
      ["--port is set by pdserve", "flag --port"],
      ["--api-key is set by pdserve", "flag --api-key"],
    ]);
    expect(refused[0]?.fix).toStartWith("--kv-connector NAME");
    expect(refused[2]?.fix).toBe("--port before --, for the router");
    expect(JSON.stringify(refused)).not.toContain("secret");
  });

  test("a misspelt flag, with the name it was meant to be", () => {
    expect(problems("m", "--prefil-gpus", "0,1").map((told) => told.split(" | ")[2])).toEqual(["--prefill-gpus"]);
    expect(problems("m", "--max-model-length", "1").map((told) => told.split(" | ")[2])).toEqual(["--max-model-len"]);
  });

  test("an unknown flag, with where to put an engine's", () => {
    expect(problems("m", "--foo-bar-baz")[0]).toEndWith("put it after --: pdserve MODEL -- --foo-bar-baz");
  });

  test("all at once", () => {
    const found = split("m", "--foo-bar-baz", "--pd", "--kv-transfer-config", "{}", "--decode.x");
    expect(found.problems).toHaveLength(4);
    expect(found.problems.every(({ exitCode }) => exitCode === 2)).toBe(true);
  });
});
