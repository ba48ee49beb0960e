// Which setting a flag's name means: long names, aliases, the two faces of a switch, and the YAML paths of a role.

import { type Setting, type SettingKey, settings } from "../plan/settings.ts";

export interface OwnFlag {
  readonly key: SettingKey;
  readonly setting: Setting;
  /** What naming the flag without a value says; null when it needs a value. */
  readonly bare: "true" | "false" | null;
}

export const ownFlags: ReadonlyMap<string, OwnFlag> = new Map(settingEntries().flatMap(namesOf));

export function settingEntries(): [SettingKey, Setting][] {
  return Object.entries(settings) as [SettingKey, Setting][];
}

/** `--strict-port` and `--no-strict-port`, whichever of the two the table lists. */
export function oppositeOf(flag: string): string {
  return flag.startsWith("--no-") ? `--${flag.slice(5)}` : `--no-${flag.slice(2)}`;
}

function namesOf([key, setting]: [SettingKey, Setting]): [string, OwnFlag][] {
  const names = [setting.flag, ...setting.aliases ?? []];
  if (setting.kind !== "switch") {
    // `--prefill.gpus` is how the file says --prefill-gpus; it is not an engine's flag.
    const dotted = setting.yaml !== null && /^(prefill|decode)\./.test(setting.yaml) ? [`--${setting.yaml}`] : [];
    return [...names, ...dotted].map((name) => [name, { key, setting, bare: null }]);
  }
  const says = setting.flag.startsWith("--no-") ? "false" : "true";
  const denies = says === "true" ? "false" : "true";
  return [
    ...names.map((name): [string, OwnFlag] => [name, { key, setting, bare: says }]),
    [oppositeOf(setting.flag), { key, setting, bare: denies }],
  ];
}
