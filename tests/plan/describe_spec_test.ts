import { describe, expect, test } from "bun:test";
import { describeSpec, specJson } from "../../plan/describe_spec.ts";
import { noFlags } from "../../plan/flag_layer.ts";
import { emptyLayer } from "../../plan/layer.ts";
import { layerSpec } from "../../plan/layer_spec.ts";
import { type SettingKey, settings } from "../../plan/settings.ts";
import { readValue } from "../../plan/read_value.ts";

const { spec } = layerSpec({
  flags: {
    ...noFlags,
    model: "m",
    engineArgs: { ...noFlags.engineArgs, prefill: [{ words: ["--hf-token", "x"], flag: "--prefill.hf-token" }] },
  },
  env: { PDSERVE_API_KEY: "sk-secret", PDSERVE_REQUEST_TIMEOUT: "90m" },
  file: {
    ...emptyLayer,
    sayings: [{ key: "maxBodyBytes", text: "1048576k", origin: { is: "file", path: "pdserve.yaml", line: 4 } }],
  },
});
const row = (flag: string) => describeSpec(spec).find((one) => one.flag === flag);

describe("describeSpec()", () => {
  test("shows each value as typed, with its origin", () => {
    expect(row("MODEL")).toMatchObject({ value: "m", origin: "flag MODEL", env: "PDSERVE_MODEL", yaml: "model" });
    expect(row("--port")).toMatchObject({ value: "8000", origin: "default", env: "PDSERVE_PORT", yaml: "router.port" });
    expect(row("--request-timeout")).toMatchObject({ value: "90m", origin: "env PDSERVE_REQUEST_TIMEOUT" });
    expect(row("--max-body-size")).toMatchObject({ value: "1g", origin: "pdserve.yaml:4" });
    expect(row("--name")).toMatchObject({ value: null });
  });

  test("masks secrets", () => {
    expect(row("--api-key")).toMatchObject({ value: "***", origin: "env PDSERVE_API_KEY" });
    expect(row("prefill args")?.value).toContain("--hf-token");
    expect(JSON.stringify(specJson(spec))).not.toMatch(/sk-secret|"--hf-token x/);
  });

  test("has every setting, and writes every default so that it reads back", () => {
    const rows = describeSpec(spec);
    for (const [key, setting] of Object.entries(settings)) {
      const shown = rows.find(({ flag }) => flag === setting.flag);
      expect(shown).toBeDefined();
      const current = spec.settings[key as SettingKey];
      if (shown?.value === null || shown?.value === "***") continue;
      expect(readValue(setting, shown?.value ?? "")).toEqual({ is: "value", value: current.value as never });
    }
  });

  test("names the settings file that was used", () => {
    expect(specJson(spec)).toMatchObject({ schema: 1, config_file: "pdserve.yaml" });
  });
});
