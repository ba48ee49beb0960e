// Everything that files say: the settings file, and on top of it the topology of another tool.

import type { GetJson } from "../plan/dialects/rollout/external_engines.ts";
import { stackLayers } from "../plan/layer.ts";
import type { Problem } from "../plan/problem.ts";
import type { Settings, Sourced } from "../plan/spec.ts";
import { getJson } from "./get_json.ts";
import { type ConfigFile, loadConfigFile } from "./load_config_file.ts";
import { askedOf, loadTopology } from "./load_topology.ts";
import type { ReadText } from "./read_text.ts";
import type { SplitArgv } from "./split_argv.ts";
import type { VerbName } from "./verbs.ts";

export interface FileSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly readText: ReadText;
  /** Asks engines that already run; real life's where it is left out. */
  readonly getJson?: GetJson;
}

/** A demo works the same wherever it is tried, and a job's own file is not mixed with one that happens to lie there. */
const takesNoUsualFile: ReadonlySet<VerbName | null> = new Set(["demo", "pdjob", "convert"]);

/** `settings` are those of the line and the environment. */
export async function loadFiles(line: SplitArgv, settings: Settings, sources: FileSources): Promise<ConfigFile> {
  if (line.verb === "pdjob" && settings.config.value === null) return { path: null, layer: null, problems: [noJob] };
  const topology = await loadTopology({ getJson, ...sources, settings, toml: line.toml });
  const file = await loadConfigFile({
    ...sources,
    asked: settingsFileOf(settings),
    how: { dialect: dialectOf(line, settings), asked: askedOf(settings, sources.env) },
    discovers: !takesNoUsualFile.has(line.verb) && topology === null,
  });
  if (topology === null) return file;
  const layers = [file.layer, topology.layer].flatMap((layer) => layer ?? []);
  return {
    path: topology.path ?? file.path,
    layer: layers.length === 0 ? null : layers.reduce(stackLayers),
    problems: [...file.problems, ...topology.problems],
  };
}

/** One that is TOML is a topology already. */
function settingsFileOf({ config }: Settings): Sourced<string | null> {
  return /\.toml$/i.test(config.value ?? "") ? { ...config, value: null } : config;
}

function dialectOf({ verb }: SplitArgv, { dialect }: Settings): Sourced<string | null> {
  return verb === "pdjob" ? { ...dialect, value: "pdjob" } : dialect;
}

const noJob: Problem = {
  what: "Name the job's file",
  why: "pdjob is about one",
  fix: "pdserve pdjob --config=FILE",
  where: "flag --config",
  severity: "error",
  exitCode: 2,
};
