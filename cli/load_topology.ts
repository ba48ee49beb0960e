// What does another tool's topology say, given as a file or by that tool's flags?

import { resolve } from "node:path";
import type { Asked, Dialect, ReadFile } from "../plan/dialects/dialect.ts";
import type { GetJson } from "../plan/dialects/rollout/external_engines.ts";
import type { TomlLine } from "../plan/dialects/prime_rl/load_toml.ts";
import { emptyLayer } from "../plan/layer.ts";
import { hasErrors, type Problem } from "../plan/problem.ts";
import { type SettingKey, settings as table } from "../plan/settings.ts";
import { type Origin, originText, type Settings } from "../plan/spec.ts";
import type { ConfigFile } from "./load_config_file.ts";
import type { ReadText } from "./read_text.ts";

export interface TopologyPlaces {
  readonly toml: TomlLine;
  /** Of the line and the environment. */
  readonly settings: Settings;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly readText: ReadText;
  readonly getJson: GetJson;
}

const sources = [
  "vllmConfig",
  "sglangConfig",
  "prefillNumServers",
  "externalEngines",
] as const satisfies readonly SettingKey[];

/** Null where none is given. A line that gives two gets neither. */
export async function loadTopology(places: TopologyPlaces): Promise<ConfigFile | null> {
  const { settings, cwd, readText } = places;
  const given = sources.filter((key) => settings[key].value !== null);
  const toml = tomlOf(places);
  if (given.length + (toml === null ? 0 : 1) > 1) {
    return { path: null, layer: null, problems: [several(given, settings)] };
  }
  if (toml !== null) return await primeRl(toml, places);
  const asked = askedOf(settings, places.env);
  const from = async (key: "vllmConfig" | "sglangConfig", dialect: () => Promise<Dialect>): Promise<ConfigFile> => {
    const { value, origin } = settings[key];
    const path = value ?? "";
    const read = await readText(resolve(cwd, path));
    if (read.is !== "text") return { path, layer: null, problems: [unreadable(path, read.why, origin)] };
    return { path, ...(await dialect()).read(read.text, path, asked) };
  };
  if (given[0] === "vllmConfig") {
    return await from(given[0], async () => (await import("../plan/dialects/rollout/vime.ts")).vime);
  }
  if (given[0] === "sglangConfig") {
    return await from(given[0], async () => (await import("../plan/dialects/rollout/slime.ts")).slime);
  }
  return given[0] === "externalEngines" ? await external(places) : await shorthand(settings);
}

async function external({ settings, getJson }: TopologyPlaces): Promise<ConfigFile> {
  const { value, origin } = settings.externalEngines;
  const { readExternalEngines } = await import("../plan/dialects/rollout/external_engines.ts");
  return { path: null, ...(await readExternalEngines({ value: value ?? [], origin }, getJson)) };
}

/** What the line says of any file. */
export function askedOf({ modelEntry, engine, scheduler }: Settings, env: NonNullable<Asked["env"]>): Asked {
  const name = engine.origin.is === "default" ? null : engine.value;
  return { modelEntry: modelEntry.value, engine: name, scheduler: scheduler.value, env };
}

/** `@ FILE`; a settings file that is TOML is the same. */
function tomlOf({ toml, settings }: TopologyPlaces): TomlLine | null {
  const { value } = settings.config;
  if (toml.files.length > 0) return toml;
  return value !== null && /\.toml$/i.test(value) ? { ...toml, files: [{ under: null, path: value }] } : null;
}

async function primeRl(line: TomlLine, { env, cwd, readText, settings }: TopologyPlaces): Promise<ConfigFile> {
  const [{ loadToml }, { readPrimeRl }] = await Promise.all([
    import("../plan/dialects/prime_rl/load_toml.ts"),
    import("../plan/dialects/prime_rl/prime_rl.ts"),
  ]);
  const path = line.files[0]?.path ?? "";
  const { tree, problems } = await loadToml(
    line,
    (name) => readText(resolve(cwd, name)),
    settings.tomlFiles.value,
    env,
  );
  if (hasErrors(problems)) return { path, layer: null, problems };
  const read = readPrimeRl(tree, { is: "file", path, line: 1 });
  return { path, layer: read.layer, problems: [...problems, ...read.problems] };
}

async function shorthand(settings: Settings): Promise<ConfigFile | null> {
  if (settings.prefillNumServers.value === null && settings.rolloutNumGpus.value === null) return null;
  const { readShorthand } = await import("../plan/dialects/rollout/shorthand.ts");
  const read: ReadFile = readShorthand(settings) ?? { layer: emptyLayer, problems: [] };
  return { path: null, ...read };
}

function several(given: readonly SettingKey[], settings: Settings): Problem {
  const [first = "", second = "@ FILE"] = given.map((key) => table[key].flag);
  return {
    what: `Give ${first} or ${second}, not both`,
    why: "each lays out the workers",
    fix: `leave out ${second}`,
    where: originText(settings[given[1] ?? given[0] ?? "vllmConfig"].origin),
    ...{ severity: "error", exitCode: 2 },
  };
}

function unreadable(path: string, why: string, origin: Origin): Problem {
  const fix = "the path of the file that the job is started with";
  const what = `Cannot read the topology file "${path}"`;
  return { what, why, fix, where: originText(origin), severity: "error", exitCode: 2 };
}
