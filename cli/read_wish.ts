// Command line, environment and settings file together: what is wanted, and of which engine?

import { layerSpec } from "../plan/layer_spec.ts";
import type { Problem } from "../plan/problem.ts";
import type { Spec } from "../plan/spec.ts";
import type { Engine } from "../supervisor/engines/engine.ts";
import { engines, isEngineName } from "../supervisor/engines/index.ts";
import { type FileSources, loadFiles } from "./load_files.ts";
import { type SplitArgv, splitArgv } from "./split_argv.ts";

export interface WishSources extends FileSources {
  readonly argv: readonly string[];
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
