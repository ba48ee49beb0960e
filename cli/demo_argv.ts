// `pdserve demo` as a command line of `up`: a fleet of simulated engines on any machine.

import type { SettingKey } from "../plan/settings.ts";
import type { SplitArgv } from "./split_argv.ts";

const topology: readonly SettingKey[] = ["pd", "prefillGpus", "decodeGpus", "prefillUrls", "decodeUrls", "regularUrls"];

/** The command line a demo stands for: what the user said holds, the rest is chosen so that it works anywhere. */
export function demoArgv(argv: readonly string[], line: SplitArgv): string[] {
  const end = argv.includes("--") ? argv.indexOf("--") : argv.length;
  const splits = line.values.some(({ key }) => topology.includes(key));
  // After a flag without its value a MODEL would be taken for it.
  const model = line.model === null && line.problems.length === 0 ? ["demo-model"] : [];
  return ["--engine", "sim", ...(splits ? [] : ["--pd", "2P2D"]), ...argv.slice(0, end), ...model, ...argv.slice(end)];
}
