// The one table of settings: flags, environment names, YAML keys, help, completion and `pdserve config` all read it.

import { engineSettings } from "./settings/engine_settings.ts";
import { limitSettings } from "./settings/limit_settings.ts";
import { otherToolsSettings } from "./settings/other_tools_settings.ts";
import { routerSettings } from "./settings/router_settings.ts";
import { runSettings } from "./settings/run_settings.ts";
import type { Setting } from "./settings/setting.ts";
import { topologySettings } from "./settings/topology_settings.ts";

export type { Setting, SettingGroup } from "./settings/setting.ts";

export const settings = {
  ...topologySettings,
  ...otherToolsSettings,
  ...engineSettings,
  ...routerSettings,
  ...limitSettings,
  ...runSettings,
} satisfies Record<string, Setting>;

export type SettingKey = keyof typeof settings;

export function envNameOf(setting: Setting): string {
  return "PDSERVE_" + setting.flag.replace(/^--(no-)?/, "").replaceAll("-", "_").toUpperCase();
}
