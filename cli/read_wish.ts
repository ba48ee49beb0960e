// Command line, environment and settings file together: what is wanted, and of which engine?

import type { GetJson } from "../plan/dialects/rollout/external_engines.ts";
import { stackLayers } from "../plan/layer.ts";
import { layerSpec } from "../plan/layer_spec.ts";
import type { Problem } from "../plan/problem.ts";
import type { Settings, Spec } from "../plan/spec.ts";
import type { Engine } from "../supervisor/engines/engine.ts";
import { engines, isEngineName } from "../supervisor/engines/index.ts";
import { getJson } from "./get_json.ts";
import { type ConfigFile, loadConfigFile } from "./load_config_file.ts";
import { loadTopology } from "./load_topology.ts";
import type { ReadText } from "./read_text.ts";
import { type SplitArgv, splitArgv } from "./split_argv.ts";

export interface WishSources {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly readText: ReadText;
  /** Asks engines that already run; real life's where it is left out. */
  readonly getJson?: GetJson;
}

export interface Wish {
  readonly line: SplitArgv;
  readonly spec: Spec;
  readonly engine: Engine;
  /** The settings file used, as shown to people. */
  readonly configFile: string | null;
  readonly problems: readonly Problem[];
}

export async function readWish(sources: WishSources): Promise<Wish> {
  const { argv, env } = sources;
  const first = splitArgv(argv, (name) => engineOf(name ?? env.PDSERVE_ENGINE));
  const file = await loadFiles(first, layerSpec({ flags: first, env, file: null }).spec.settings, sources);
  const layered = layerSpec({ flags: first, env, file: file.layer });
  const engine = engineOf(layered.spec.settings.engine.value);
  const problems = [...file.problems, ...layered.problems];
  const wish = { spec: layered.spec, engine, configFile: file.path };
  const line = splitArgv(argv, () => engine);
  if (file.layer === null) return { ...wish, line: first, problems: [...first.problems, ...problems] };
  // The file may name another engine, whose flags the line was not split by.
  const { spec } = layerSpec({ flags: line, env, file: file.layer });
  return { ...wish, spec, line, problems: [...line.problems, ...problems] };
}

export function engineOf(name: string | null | undefined): Engine {
  return name && isEngineName(name) ? engines[name] : engines.vllm;
}

/** The settings file, and on top of it the topology of another tool. */
export async function loadFiles(line: SplitArgv, settings: Settings, sources: WishSources): Promise<ConfigFile> {
  const topology = await loadTopology({ getJson, ...sources, settings, toml: line.toml });
  // A demo works the same wherever it is tried, and a job's own file is not mixed with one that happens to lie there.
  const discovers = line.verb !== "demo" && line.verb !== "pdjob" && line.verb !== "convert" && topology === null;
  const { modelEntry } = settings;
  const dialect = line.verb === "pdjob" ? { ...settings.dialect, value: "pdjob" } : settings.dialect;
  // A settings file that is TOML is a topology already.
  const config = /\.toml$/i.test(settings.config.value ?? "") ? { ...settings.config, value: null } : settings.config;
  const asked = { dialect, modelEntry: modelEntry.value };
  const file = await loadConfigFile({ ...sources, asked: config, how: asked, discovers });
  if (topology === null) return file;
  const layers = [file.layer, topology.layer].flatMap((layer) => layer ?? []);
  return {
    path: topology.path ?? file.path,
    layer: layers.length === 0 ? null : layers.reduce(stackLayers),
    problems: [...file.problems, ...topology.problems],
  };
}
