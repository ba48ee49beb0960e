// The flags that start a router for this spec beside workers that already run.

import { formatValue } from "./format_value.ts";
import { type Setting, type SettingGroup, type SettingKey, settings } from "./settings.ts";
import type { Spec } from "./spec.ts";

const groupsOfRouter: readonly SettingGroup[] = ["KV connector", "Router", "Limits", "Run"];
/** Said by the plan itself. */
const decided: readonly SettingKey[] = ["kvConnector", "host", "port", "strictPort"];

/** Only what the user said. Secrets are left to the environment. */
export function routerFlags(spec: Spec): readonly string[] {
  return (Object.entries(settings) as [SettingKey, Setting][]).flatMap(([key, setting]) => {
    const { value, origin } = spec.settings[key];
    const ofRouter = groupsOfRouter.includes(setting.group) && !decided.includes(key) && !setting.secret;
    if (!ofRouter || value === null || origin.is === "default") return [];
    if (setting.kind === "switch") return String(value) === setting.default ? [] : [setting.flag];
    return [setting.flag, formatValue(setting, value)];
  });
}
