// Which settings file is used, and what does it say? --config, else ./pdserve.yaml, else $XDG_CONFIG_HOME/pdserve/config.yaml.

import { join, resolve } from "node:path";
import type { Asked } from "../plan/dialects/dialect.ts";
import type { Layer } from "../plan/layer.ts";
import { nearestName } from "../kv/nearest_name.ts";
import type { Problem } from "../plan/problem.ts";
import { type Origin, originText, type Sourced } from "../plan/spec.ts";
import type { ReadText } from "./read_text.ts";

export interface ConfigFile {
  /** As shown to people; null when there is none. */
  readonly path: string | null;
  readonly layer: Layer | null;
  readonly problems: readonly Problem[];
}

export interface ConfigPlaces {
  /** What --config or PDSERVE_CONFIG says. */
  readonly asked: { readonly value: string | null; readonly origin: Origin };
  readonly how: HowToRead;
  /** Whether to look where a file usually is when none is asked for. */
  readonly discovers: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly readText: ReadText;
}

export interface HowToRead {
  /** What --dialect says. */
  readonly dialect: Sourced<string | null>;
  readonly asked: Asked;
}

const noFile: ConfigFile = { path: null, layer: null, problems: [] };

export async function loadConfigFile(places: ConfigPlaces): Promise<ConfigFile> {
  const { asked, how, discovers, env, cwd, readText } = places;
  const wanted = asked.value;
  const found = wanted === null ? null : originText(asked.origin);
  for (const path of wanted !== null ? [wanted] : discovers ? usualPlaces(env) : []) {
    const read = await readText(resolve(cwd, path));
    if (read.is === "text") return await (wanted === null ? readOwn(read.text, path) : readAny(read.text, path, how));
    if (read.is === "unreadable" || wanted !== null) return unreadable(path, read.why, found ?? path);
  }
  return noFile;
}

function usualPlaces(env: ConfigPlaces["env"]): string[] {
  const home = env.XDG_CONFIG_HOME || (env.HOME && join(env.HOME, ".config"));
  return ["pdserve.yaml", ...(home ? [join(home, "pdserve/config.yaml")] : [])];
}

/** Where it lies and how it is called says whose file it is. A YAML parser is loaded only where there is a file. */
async function readOwn(text: string, path: string): Promise<ConfigFile> {
  const { pdserveYaml } = await import("../plan/dialects/pdserve_yaml/pdserve_yaml.ts");
  return { path, ...pdserveYaml.read(text, path) };
}

async function readAny(text: string, path: string, { dialect, asked }: HowToRead): Promise<ConfigFile> {
  const { dialects, readSettingsFile } = await import("../plan/dialects/index.ts");
  const { value: name, origin } = dialect;
  if (name === null || name in dialects) return { path, ...readSettingsFile(text, path, name, asked) };
  const names = Object.keys(dialects);
  const told = {
    what: `--dialect cannot be "${name}"`,
    why: `it is one of ${names.join(", ")}`,
    fix: `--dialect ${nearestName(name, names) ?? names[0]}`,
  };
  return {
    path,
    layer: null,
    problems: [{ ...told, where: originText(origin), severity: "error", exitCode: 2 }],
  };
}

function unreadable(path: string, why: string, where: string): ConfigFile {
  const told = {
    what: `Cannot read the settings file "${path}"`,
    why,
    fix: "--config FILE, or nothing for ./pdserve.yaml",
  };
  return { path, layer: null, problems: [{ ...told, where, severity: "error", exitCode: 2 }] };
}
