import { describe, expect, test } from "bun:test";
import { pdserveYaml } from "../../../plan/dialects/pdserve_yaml/pdserve_yaml.ts";
import { noFlags } from "../../../plan/flag_layer.ts";
import { layerSpec } from "../../../plan/layer_spec.ts";

const read = (...lines: string[]) => pdserveYaml.read(lines.join("\n"), "pdserve.yaml");
const said = (...lines: string[]) => read(...lines).layer.sayings.map(({ key, text }) => [key, text]);
const problems = (...lines: string[]) => read(...lines).problems.map(({ what, fix, where }) => ({ what, fix, where }));

describe("pdserve.yaml", () => {
  test("mirrors the flags, each value with its line", () => {
    const { layer, problems } = read(
      "model: Qwen/Qwen3-32B",
      "pd: 2P2D",
      "",
      "router:",
      "  port: 8001",
      "  strict-port: true",
    );
    expect(problems).toEqual([]);
    expect(layer.model).toEqual({ value: "Qwen/Qwen3-32B", origin: { is: "file", path: "pdserve.yaml", line: 1 } });
    expect(layer.sayings).toEqual([
      { key: "pd", text: "2P2D", origin: { is: "file", path: "pdserve.yaml", line: 2 } },
      { key: "port", text: "8001", origin: { is: "file", path: "pdserve.yaml", line: 5 } },
      { key: "strictPort", text: "true", origin: { is: "file", path: "pdserve.yaml", line: 6 } },
    ]);
  });

  test("takes GPUs as text, as a number and as lists", () => {
    expect(said("prefill: { gpus: 0-3 }", "decode: { gpus: [4, 5] }")).toEqual([["prefillGpus", "0-3"], [
      "decodeGpus",
      "4,5",
    ]]);
    expect(said("prefill: { gpus: 0 }", "decode: { gpus: [[2, 3], [4, 5]] }")).toEqual([["prefillGpus", "0"], [
      "decodeGpus",
      "2,3;4,5",
    ]]);
  });

  test("takes URLs as a list and extra config as a map", () => {
    expect(
      said("prefill:", "  urls:", "    - http://a:1", "    - http://b:1", "kv:", "  extra_config: { backends: [UCX] }"),
    )
      .toEqual([["prefillUrls", "http://a:1"], ["prefillUrls", "http://b:1"], [
        "kvExtraConfig",
        '{"backends":["UCX"]}',
      ]]);
  });

  test("reads engine arguments as a map of flags or a list of words, for both roles or one", () => {
    const { engineArgs } = read(
      "args: { max-model-len: 8192, enforce-eager: true, enable-prefix-caching: false, hf_overrides: { a: 1 } }",
      "prefill: { args: [--max-num-seqs 8, '--hf-overrides', '{\"b\": 2}'] }",
      "decode: { args: \"--chat-template 'a b'\" }",
    ).layer;
    const words = (list: typeof engineArgs.both) => list.map((argument) => argument.words);
    expect(words(engineArgs.both)).toEqual([
      ["--max-model-len", "8192"],
      ["--enforce-eager"],
      ["--no-enable-prefix-caching"],
      ["--hf-overrides", '{"a":1}'],
    ]);
    expect(words(engineArgs.prefill)).toEqual([["--max-num-seqs", "8"], ["--hf-overrides", '{"b": 2}']]);
    expect(words(engineArgs.decode)).toEqual([["--chat-template", "a b"]]);
    expect(engineArgs.prefill[0]?.origin).toEqual({ is: "file", path: "pdserve.yaml", line: 2 });
  });

  test("answers an unknown key with line and the nearest key", () => {
    expect(problems("model: m", "rooter: { port: 1 }", "router:", "  prot: 1", "prefill_gpus: 0", "max-model-len: 5"))
      .toEqual([
        { what: 'Unknown key "rooter"', fix: "router", where: "pdserve.yaml:2" },
        { what: 'Unknown key "router.prot"', fix: "router.port", where: "pdserve.yaml:4" },
        { what: 'Unknown key "prefill_gpus"', fix: "prefill.gpus", where: "pdserve.yaml:5" },
        { what: 'Unknown key "max_model_len"', fix: "args: { max_model_len: … }", where: "pdserve.yaml:6" },
      ]);
  });

  test("finds the place of a flag's name that the file groups", () => {
    expect(problems("port: 1")).toEqual([{ what: 'Unknown key "port"', fix: "router.port", where: "pdserve.yaml:1" }]);
    expect(problems("max_queue: 1")[0]?.fix).toBe("limits.queue");
  });

  test("refuses wrong types, all at once", () => {
    expect(
      problems("pd: [1, 2]", "router: 8000", "allow_mismatch: 1", "kv: { extra_config: x }", "model: [a]", "args: 5"),
    ).toEqual([
      { what: '"pd" has the wrong type', fix: "pd: 2P2D", where: "pdserve.yaml:1" },
      { what: '"router" must hold keys', fix: "router: { host: … }", where: "pdserve.yaml:2" },
      { what: '"allow_mismatch" has the wrong type', fix: "allow_mismatch: false", where: "pdserve.yaml:3" },
      { what: '"kv.extra_config" has the wrong type', fix: "kv.extra_config: { key: value }", where: "pdserve.yaml:4" },
      { what: '"model" must be a name or a path', fix: "model: Qwen/Qwen3-0.6B", where: "pdserve.yaml:5" },
      { what: 'Cannot read "args"', fix: "args: { max-model-len: 8192 }", where: "pdserve.yaml:6" },
    ]);
  });

  test("leaves a bad value to the spec, which tells the line", () => {
    const { layer } = read("run:", "  startup_timeout: soon");
    expect(layerSpec({ flags: noFlags, env: {}, file: layer }).problems).toMatchObject([{
      what: 'run.startup_timeout cannot be "soon"',
      fix: "run.startup_timeout: 20m",
      where: "pdserve.yaml:2",
    }]);
  });

  test("shows line, column and text of malformed YAML, and nothing that follows from it", () => {
    const { problems, layer } = read("model: m", "router: {port: 1", "rooter: 2");
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.every(({ where }) => /^pdserve\.yaml:\d+:\d+$/.test(where))).toBe(true);
    expect(problems[0]?.what).toContain("rooter: 2");
    expect(layer.sayings).toEqual([]);
    expect(read("a: 'b").problems[0]?.where).toMatch(/^pdserve\.yaml:1:\d+$/);
    expect(read("\ta: 1").problems.length).toBeGreaterThan(0);
  });

  test("refuses a key given twice", () => {
    expect(problems("tp: 1", "tp: 2")).toEqual([{
      what: 'Key "tp" is given twice',
      fix: "remove line 2 or the other one",
      where: "pdserve.yaml:2:1",
    }]);
  });

  test("takes an empty file, a comment, and keys without a value for nothing said", () => {
    for (const text of ["", "# nothing", "router:", "pd: ~"]) {
      expect(read(text)).toMatchObject({ layer: { sayings: [] }, problems: [] });
    }
    expect(problems("- a list")).toMatchObject([{ what: "The file is not a map of settings" }]);
    expect(problems("just words")).toMatchObject([{ what: "The file is not a map of settings" }]);
  });
});
