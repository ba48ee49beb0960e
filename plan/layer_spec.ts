// What does the user want, all sources together: default < file < environment < flag?

import { type Env, envLayer } from "./env_layer.ts";
import { type FlagInput, flagLayer } from "./flag_layer.ts";
import { emptyLayer, type Layer, type Saying } from "./layer.ts";
import type { Problem } from "./problem.ts";
import { readValue, type SettingValue } from "./read_value.ts";
import { envNameOf, type Setting, type SettingKey, settings } from "./settings.ts";
import {
  type EngineArgument,
  type EngineVariable,
  type Layout,
  type Origin,
  originText,
  type Settings,
  type Sourced,
  type Spec,
  type WorkerGroup,
} from "./spec.ts";

export interface SpecSources {
  readonly flags: FlagInput;
  readonly env: Env;
  /** What plan/dialects read from the settings file; null when there is none. */
  readonly file: Layer | null;
}

/** Every bad value of every source is a problem; the spec then carries the next lower source's value, so that planning can go on. */
export function layerSpec(sources: SpecSources): { readonly spec: Spec; readonly problems: readonly Problem[] } {
  const fromEnv = envLayer(sources.env);
  const problems: Problem[] = [...fromEnv.problems];
  const layers = [sources.file ?? emptyLayer, fromEnv.layer, flagLayer(sources.flags)];
  const said = layers.findLast((layer) => layer.model !== null)?.model;
  const asked: Sourced<string | null> = said ?? { value: null, origin: { is: "default" } };
  const layout = layoutOf(layers, asked.value);
  return {
    spec: {
      model: layout?.model ?? asked,
      settings: layerSettings(layers, problems),
      engineArgs: { prefill: argsOf("prefill", layers), decode: argsOf("decode", layers) },
      engineEnv: { prefill: envOf("prefill", layers), decode: envOf("decode", layers) },
      layout,
    },
    problems,
  };
}

function layerSettings(layers: readonly Layer[], problems: Problem[]): Settings {
  const values: Record<string, Sourced<SettingValue | null>> = {};
  for (const [key, setting] of Object.entries(settings) as [SettingKey, Setting][]) {
    values[key] = defaultOf(setting);
    for (const layer of layers) {
      const said = layer.sayings.filter((saying) => saying.key === key);
      values[key] = valueOf(setting, said, problems) ?? values[key];
    }
  }
  // Each leaf was read by its own `kind`, from which its type in Settings is derived.
  return values as unknown as Settings;
}

function defaultOf(setting: Setting): Sourced<SettingValue | null> {
  const read = setting.default === null ? null : readValue(setting, setting.default);
  return { value: read?.is === "value" ? read.value : null, origin: { is: "default" } };
}

/** The value of one setting in one layer, or null when the layer does not say it or says it wrongly. */
function valueOf(setting: Setting, said: readonly Saying[], problems: Problem[]): Sourced<SettingValue> | null {
  const good: Sourced<SettingValue>[] = [];
  for (const { text, origin } of said) {
    const read = readValue(setting, text);
    if (read.is === "value") good.push({ value: read.value, origin });
    else problems.push(badValue(setting, text, origin, read));
  }
  const last = good.at(-1);
  if (last === undefined || setting.kind !== "list") return last ?? null;
  return { value: good.flatMap(({ value }) => value as readonly string[]), origin: last.origin };
}

function badValue(
  setting: Setting,
  text: string,
  origin: Origin,
  read: { readonly why: string; readonly example: string },
): Problem {
  return {
    what: `${nameIn(origin, setting)} cannot be ${setting.secret ? "this" : `"${text}"`}`,
    why: read.why,
    fix: sayIn(origin, setting, read.example),
    where: originText(origin),
    severity: "error",
    exitCode: 2,
  };
}

function nameIn(origin: Origin, setting: Setting): string {
  switch (origin.is) {
    case "file":
      return setting.yaml ?? setting.flag;
    case "env":
      return origin.name;
    case "flag":
      return origin.flag;
    case "default":
      return setting.flag;
  }
}

/** How to say a value where the user said the wrong one. */
export function sayIn(origin: Origin, setting: Setting, value: string): string {
  switch (origin.is) {
    case "file":
      return `${setting.yaml ?? setting.flag}: ${value}`;
    case "env":
      return `${envNameOf(setting)}=${value}`;
    case "flag":
    case "default":
      return `${setting.flag} ${value}`;
  }
}

function argsOf(role: "prefill" | "decode", layers: readonly Layer[]): EngineArgument[] {
  return layers.flatMap((layer) => [...layer.engineArgs.both, ...layer.engineArgs[role]]);
}

function envOf(role: "prefill" | "decode", layers: readonly Layer[]): EngineVariable[] {
  return layers.flatMap((layer) => [...layer.engineEnv.both, ...layer.engineEnv[role]]);
}

/** Each group's own arguments stand where the file's stand: above its `args`, below the environment and the line. */
function layoutOf(layers: readonly Layer[], model: string | null): Layout | null {
  const layout = layers.findLast((layer) => layer.layout !== undefined)?.layout;
  if (layout === undefined) return null;
  const complete = (group: WorkerGroup): WorkerGroup => {
    const of = <T>(said: { readonly [K in "both" | "prefill" | "decode"]: readonly T[] }) =>
      group.role === "prefill" || group.role === "decode" ? [...said.both, ...said[group.role]] : said.both;
    const own = (layer: Layer) => layer.layout === layout;
    return {
      ...group,
      args: layers.flatMap((layer) => [...of(layer.engineArgs), ...(own(layer) ? group.args : [])]),
      env: layers.flatMap((layer) => [...of(layer.engineEnv), ...(own(layer) ? group.env : [])]),
    };
  };
  const isModel = layout.model === null || model === null || layout.model.value === model;
  return { ...layout, groups: layout.groups.map(complete), updatesWeights: layout.updatesWeights ?? isModel };
}
