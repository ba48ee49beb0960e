// Every effective value and where it came from: `pdserve config`.

import { formatValue } from "./format_value.ts";
import { isSecretName, maskArgv, masked } from "./secrets.ts";
import { envNameOf, type Setting, type SettingGroup, type SettingKey, settings } from "./settings.ts";
import { quoteShellWord } from "./shell_words.ts";
import {
  type EngineArgument,
  type EngineVariable,
  type Origin,
  originText,
  type Spec,
  type WorkerGroup,
} from "./spec.ts";

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
    ...(spec.layout?.groups ?? []).flatMap(groupRows),
    ...spec.engineArgs.prefill.map((argument) => argumentRow("prefill", argument)),
    ...spec.engineArgs.decode.map((argument) => argumentRow("decode", argument)),
    ...spec.engineEnv.prefill.map((variable) => variableRow("prefill", variable)),
    ...spec.engineEnv.decode.map((variable) => variableRow("decode", variable)),
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

/** A pool of another tool's layout, then what its workers alone are given. */
function groupRows({ role, origin, gpus, gpusPerWorker, args, env }: WorkerGroup, at: number): SpecRow[] {
  const flag = `group ${at}`;
  const size = gpusPerWorker === null ? "" : ` by ${gpusPerWorker}`;
  const which = typeof gpus === "number" ? `${gpus} GPUs` : `GPUs ${gpus.join(",")}`;
  const row = (name: string, value: string, from: Origin): SpecRow => ({
    ...{ group: "Topology", flag: name, env: null, yaml: "groups", value, origin: originText(from) },
  });
  return [
    row(flag, `${role}: ${which}${size}`, origin),
    ...args.map(({ words, origin: from }) => row(`${flag} args`, maskArgv(words).map(quoteShellWord).join(" "), from)),
    ...env.map(({ name, value, origin: from }) =>
      row(`${flag} env`, `${name}=${isSecretName(name) ? masked : value}`, from)
    ),
  ];
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

function variableRow(role: "prefill" | "decode", { name, value, origin }: EngineVariable): SpecRow {
  return {
    ...{ group: "Model and engine", flag: `${role} env`, env: null, yaml: `${role}.env` },
    ...{ value: `${name}=${isSecretName(name) ? masked : value}`, origin: originText(origin) },
  };
}

/** `pdserve config --output json`. */
export function specJson(spec: Spec) {
  return { schema: 1, settings: describeSpec(spec).map(({ group: _group, ...row }) => row), config_file: fileOf(spec) };
}

/** The settings file that said something; null when none did. */
export function fileOf(spec: Spec): string | null {
  const { engineArgs, engineEnv } = spec;
  const origins: Origin[] = [
    spec.model,
    ...Object.values(spec.settings),
    ...[...engineArgs.prefill, ...engineArgs.decode, ...engineEnv.prefill, ...engineEnv.decode],
  ].map(({ origin }) => origin);
  return origins.find((origin) => origin.is === "file")?.path ?? null;
}
