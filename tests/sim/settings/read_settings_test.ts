import { describe, expect, test } from "bun:test";
import { readSettings } from "../../../sim/settings/read_settings.ts";
import type { SimSettings } from "../../../sim/settings/settings.ts";

describe("readSettings()", () => {
  test("takes a flag with dashes or underscores, with a space or an equals sign", () => {
    expect(read(["--max-model-len", "100"]).maxModelLen).toBe(100);
    expect(read(["--max_model_len=100"]).maxModelLen).toBe(100);
    expect(read(["-tp", "2"]).parallel.tp).toBe(2);
    expect(read(["--max-model-len", "4k"]).maxModelLen).toBe(4000);
  });

  test("takes a real command line of many flags", () => {
    const line =
      "--gpu-memory-utilization 0.9 --trust-remote-code --no-enable-prefix-caching --enable-auto-tool-choice " +
      "--tool-call-parser hermes --served-model-name a b --api-key k1 k2 --seed 0 -cc.mode none";
    const settings = read(line.split(" "));
    expect(settings.servedNames).toEqual(["a", "b"]);
    expect(settings.apiKeys).toEqual(["k1", "k2"]);
    expect(settings.switches.prefixCaching).toBe(false);
  });

  test("takes the KV configuration as JSON, as dotted keys, or both", () => {
    const dotted = [
      "--kv-transfer-config.kv_connector",
      "NixlConnector",
      "--kv-transfer-config.kv_role",
      "kv_producer",
    ];
    const extra = ["--kv-transfer-config.kv_connector_extra_config.backends+", "UCX"];
    expect(read([...dotted, ...extra]).connector).toMatchObject({
      name: "NixlConnector",
      role: "kv_producer",
      loadFailurePolicy: "fail",
      extra: { backends: ["UCX"] },
    });
    expect(read(["--kv-transfer-config", ""]).connector).toBeNull();
  });

  test("gives every engine a new id", () => {
    const nixl = ["--kv-transfer-config", '{"kv_connector":"NixlConnector","kv_role":"kv_both"}'];
    expect(read(nixl).connector?.engineId).not.toBe(read(nixl).connector?.engineId);
  });

  test("sizes the KV cache by bytes: 1024 a token", () => {
    expect(read(["--block-size", "32", "--kv-cache-memory-bytes", "67108864"]).kvBlocks).toBe(2048);
  });

  for (
    const [connector, version, fine] of [
      ["P2pNcclConnector", "0.22.0", true],
      ["P2pNcclConnector", "0.23.0", false],
      ["SharedStorageConnector", "0.11.0", true],
      ["SharedStorageConnector", "0.32.0", false],
      ["NixlPushConnector", "0.25.0", false],
    ] as const
  ) {
    test(`${fine ? "knows" : "does not know"} ${connector} in ${version}`, () => {
      const config = JSON.stringify({ kv_connector: connector, kv_role: "kv_both" });
      const settings = readSettings(["m", "--sim-vllm-version", version, "--kv-transfer-config", config], {});
      expect("stderr" in settings).toBe(!fine);
    });
  }

  for (
    const [title, argv, text] of [
      ["a flag without value", ["m", "--port"], "argument --port: expected one argument"],
      ["a port that is no number", ["m", "--port", "abc"], "argument --port: invalid int value: 'abc'"],
      [
        "a pace that is no number",
        ["m", "--sim-startup-ms", "soon"],
        "argument --sim-startup-ms: invalid int value: 'soon'",
      ],
      ["an unknown choice", ["m", "--sim-orphan", "x"], "invalid choice: 'x' (choose from 'none', 'group', 'session')"],
      ["no model", [], "the following arguments are required: model_tag"],
      ["a child of MultiConnector that is unknown", [
        "m",
        "--kv-transfer-config",
        '{"kv_connector":"MultiConnector","kv_role":"kv_both","kv_connector_extra_config":{"connectors":[{"kv_connector":"Foo"}]}}',
      ], "Unsupported connector type: Foo"],
    ] as const
  ) {
    test(`refuses ${title} in vLLM's words`, () => {
      expect(readSettings(argv, {})).toMatchObject({ stderr: expect.stringContaining(text) });
    });
  }

  test("refuses a VLLM_PORT that Kubernetes has set", () => {
    const settings = readSettings(["m"], { VLLM_PORT: "tcp://10.0.0.1:8000" });
    expect(settings).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("appears to be a URI") });
  });
});

function read(flags: readonly string[]): SimSettings {
  const settings = readSettings(["m", ...flags], {});
  if ("stderr" in settings) throw new Error(settings.stderr);
  return settings;
}
