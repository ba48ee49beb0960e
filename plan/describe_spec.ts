// Every effective value and where it came from: `pdserve config`.

import { formatValue } from "./format_value.ts";
import { maskArgv, masked } from "./secrets.ts";
import { envNameOf, type Setting, type SettingGroup, type SettingKey, settings } from "./settings.ts";
import { quoteShellWord } from "./shell_words.ts";
import { type EngineArgument, type Origin, originText, type Spec } from "./spec.ts";

export interface SpecRow {
  readonly group: SettingGroup;
  /** `--pd`, or `MODEL` and the like for what is no flag. */
  readonly flag: string;
  readonly env: string | null;
  readonly yaml: string | null;
  /** As typed, secrets masked; null when not set. */
  readonly value: string | null;
  /** `default`, `pdserve.yaml:12`, `env PDSERVE_PD`, `flag --pd`. */
  readonly origin: string;
}

/** MODEL first, then the settings in the table's order, then the engines' arguments. */
export function describeSpec(spec: Spec): readonly SpecRow[] {
  const { value, origin } = spec.model;
  const model = { flag: "MODEL", env: "PDSERVE_MODEL", yaml: "model", value, origin: originText(origin) };
  return [
    { group: "Model and engine", ...model },
    ...(Object.entries(settings) as [SettingKey, Setting][]).map(([key, setting]) => settingRow(spec, key, setting)),
    ...spec.engineArgs.prefill.map((argument) => argumentRow("prefill", argument)),
    ...spec.engineArgs.decode.map((argument) => argumentRow("decode", argument)),
  ];
}

function settingRow(spec: Spec, key: SettingKey, setting: Setting): SpecRow {
  const { value, origin } = spec.settings[key];
  const shown = value === null ? null : setting.secret ? masked : formatValue(setting, value);
  return {
    ...{ group: setting.group, flag: setting.flag, env: envNameOf(setting), yaml: setting.yaml },
    ...{ value: shown, origin: originText(origin) },
  };
}

function argumentRow(role: "prefill" | "decode", { words, origin }: EngineArgument): SpecRow {
  return {
    ...{
      group: "Model and engine",
      flag: `${role} args`,
      env: `PDSERVE_${role.toUpperCase()}_ARGS`,
      yaml: `${role}.args`,
    },
    value: maskArgv(words).map(quoteShellWord).join(" "),
    origin: originText(origin),
  };
}

/** `pdserve config --output json`. */
export function specJson(spec: Spec) {
  return { schema: 1, settings: describeSpec(spec).map(({ group: _group, ...row }) => row), config_file: fileOf(spec) };
}

/** The settings file that said something; null when none did. */
export function fileOf(spec: Spec): string | null {
  const args = [...spec.engineArgs.prefill, ...spec.engineArgs.decode].map(({ origin }) => origin);
  const origins: Origin[] = [spec.model.origin, ...Object.values(spec.settings).map(({ origin }) => origin), ...args];
  return origins.find((origin) => origin.is === "file")?.path ?? null;
}
