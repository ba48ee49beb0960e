import { describe, expect, test } from "bun:test";
import { noFlags } from "../../plan/flag_layer.ts";
import { emptyLayer, type Layer } from "../../plan/layer.ts";
import { layerSpec } from "../../plan/layer_spec.ts";

const file = (more: Partial<Layer>): Layer => ({ ...emptyLayer, ...more });
const at = (line: number) => ({ is: "file", path: "pdserve.yaml", line }) as const;

describe("layerSpec()", () => {
  test("lets a flag win over the environment, that over the file, that over the default", () => {
    const port = (text: string) => [{ key: "port", text, origin: at(3) } as const];
    const flags = { ...noFlags, values: [{ key: "port", value: "8003", flag: "--port" } as const] };
    const env = { PDSERVE_PORT: "8002" };
    const said = (...[sources]: Parameters<typeof layerSpec>) => layerSpec(sources).spec.settings.port;
    expect(said({ flags: noFlags, env: {}, file: null })).toEqual({ value: 8000, origin: { is: "default" } });
    expect(said({ flags: noFlags, env: {}, file: file({ sayings: port("8001") }) })).toEqual({
      value: 8001,
      origin: at(3),
    });
    expect(said({ flags: noFlags, env, file: file({ sayings: port("8001") }) }))
      .toEqual({ value: 8002, origin: { is: "env", name: "PDSERVE_PORT" } });
    expect(said({ flags, env, file: file({ sayings: port("8001") }) }))
      .toEqual({ value: 8003, origin: { is: "flag", flag: "--port" } });
  });

  test("reports every bad value of every source at once, each in the words of its source", () => {
    const { problems, spec } = layerSpec({
      flags: { ...noFlags, values: [{ key: "startupTimeoutMs", value: "20x", flag: "--startup-timeout" }] },
      env: { PDSERVE_PORT: "http", PDSERVE_CANARY: "perhaps" },
      file: file({ sayings: [{ key: "tp", text: "two", origin: at(7) }] }),
    });
    expect(problems.map(({ what, fix, where }) => ({ what, fix, where }))).toEqual(expect.arrayContaining([
      { what: 'tp cannot be "two"', fix: "tp: 1", where: "pdserve.yaml:7" },
      { what: 'PDSERVE_PORT cannot be "http"', fix: "PDSERVE_PORT=8000", where: "env PDSERVE_PORT" },
      { what: 'PDSERVE_CANARY cannot be "perhaps"', fix: "PDSERVE_CANARY=true", where: "env PDSERVE_CANARY" },
      { what: '--startup-timeout cannot be "20x"', fix: "--startup-timeout 20m", where: "flag --startup-timeout" },
    ]));
    expect(problems.every(({ severity, exitCode }) => severity === "error" && exitCode === 2)).toBe(true);
    expect(spec.settings.startupTimeoutMs.value).toBe(1_200_000);
  });

  test("does not repeat a bad secret", () => {
    const { problems } = layerSpec({
      flags: { ...noFlags, values: [{ key: "apiKey", value: "", flag: "--api-key" }] },
      env: {},
      file: null,
    });
    expect(problems.map(({ what }) => what)).toEqual(["--api-key cannot be this"]);
  });

  test("gathers a list within one source and lets a higher source replace it whole", () => {
    const flags = {
      ...noFlags,
      values: [
        { key: "prefillUrls", value: "http://a", flag: "--prefill" } as const,
        { key: "prefillUrls", value: "http://b", flag: "--prefill" } as const,
      ],
    };
    const { spec } = layerSpec({
      flags,
      env: { PDSERVE_PREFILL: "http://x", PDSERVE_DECODE: "http://y http://z" },
      file: null,
    });
    expect(spec.settings.prefillUrls.value).toEqual(["http://a", "http://b"]);
    expect(spec.settings.decodeUrls.value).toEqual(["http://y", "http://z"]);
  });

  test("warns of a PDSERVE_ name that means nothing, with the nearest that does", () => {
    const { problems } = layerSpec({
      flags: noFlags,
      env: { PDSERVE_PREFIL_GPUS: "0", PDSERVE_RUN_ID: "r", PDSERVE_TEST_NVML: "x", PDSERVE_WORKER: "w", HOME: "/" },
      file: null,
    });
    expect(problems).toMatchObject([
      {
        what: 'Ignore the environment variable "PDSERVE_PREFIL_GPUS"',
        fix: "PDSERVE_PREFILL_GPUS=…",
        severity: "warning",
      },
    ]);
  });

  test("puts engine arguments in order: file, environment, command line, and role after both within each", () => {
    const argument = (word: string) => ({ words: [word], origin: at(1) });
    const { spec } = layerSpec({
      flags: {
        ...noFlags,
        engineArgs: {
          both: [{ words: ["--f"], flag: "--" }],
          prefill: [{ words: ["--fp"], flag: "--prefill.fp" }],
          decode: [],
        },
      },
      env: { PDSERVE_PREFILL_ARGS: "--ep 'a b'" },
      file: file({ engineArgs: { both: [argument("--y")], prefill: [argument("--yp")], decode: [argument("--yd")] } }),
    });
    expect(spec.engineArgs.prefill.flatMap(({ words }) => words)).toEqual([
      "--y",
      "--yp",
      "--ep",
      "a b",
      "--f",
      "--fp",
    ]);
    expect(spec.engineArgs.decode.flatMap(({ words }) => words)).toEqual(["--y", "--yd", "--f"]);
  });

  test("refuses engine arguments of the environment whose quotes do not close", () => {
    const { problems } = layerSpec({ flags: noFlags, env: { PDSERVE_DECODE_ARGS: "--x 'a" }, file: null });
    expect(problems).toMatchObject([{ where: "env PDSERVE_DECODE_ARGS", severity: "error", exitCode: 2 }]);
  });

  test("takes MODEL from the highest source that names one", () => {
    const model = { value: "file-model", origin: at(1) };
    const sources = { flags: noFlags, env: { PDSERVE_MODEL: "env-model" }, file: file({ model }) };
    expect(layerSpec(sources).spec.model.value).toBe("env-model");
    expect(layerSpec({ ...sources, env: {} }).spec.model).toEqual(model);
    expect(layerSpec({ ...sources, flags: { ...noFlags, model: "m" } }).spec.model.value).toBe("m");
    expect(layerSpec({ ...sources, env: {}, file: null }).spec.model.value).toBeNull();
  });
});
