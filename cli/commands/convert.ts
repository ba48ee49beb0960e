// `pdserve convert FILE`: another tool's file as pdserve.yaml, which plans the same workers.

import { writePdserveYaml } from "../../plan/dialects/pdserve_yaml/write_pdserve_yaml.ts";
import { flagLayer } from "../../plan/flag_layer.ts";
import { stackLayers } from "../../plan/layer.ts";
import { layerSpec } from "../../plan/layer_spec.ts";
import { hasErrors, type Problem } from "../../plan/problem.ts";
import type { SettingKey } from "../../plan/settings.ts";
import type { Settings } from "../../plan/spec.ts";
import { planSources } from "../plan_sources.ts";
import { exitCodeOf, problemsText } from "../print_problems.ts";
import { type FileSources, loadFiles } from "../load_files.ts";
import { paintFor, wantsColor } from "../render/color.ts";
import type { SplitArgv } from "../split_argv.ts";
import type { VerbInput } from "./command.ts";

/** What the line says beside the file goes into the output too. */
export async function convertCommand(
  { argv, line, context }: VerbInput,
  sources: FileSources = planSources(argv, context),
): Promise<number> {
  const { stdout, stderr, env } = context;
  const said = layerSpec({ flags: line, env: {}, file: null });
  const { path, model, more } = readOperands(line);
  const settings: Settings = path === null
    ? said.spec.settings
    : { ...said.spec.settings, config: { value: path, origin: { is: "flag", flag: "FILE" } } };
  const file = await loadFiles(line, settings, sources);
  const problems = [...line.problems, ...said.problems, ...severalFiles(more), ...file.problems];
  if (file.layer === null && !hasErrors(problems)) problems.push(noFile);
  stderr.write(problemsText(problems, paintFor(wantsColor(env, stderr.isTerminal)), stderr.columns));
  if (file.layer === null || hasErrors(problems)) return exitCodeOf(problems);
  const from = file.path === null ? "the command line" : file.path;
  stdout.write(writePdserveYaml(stackLayers(file.layer, flagLayer({ ...line, model })), [
    `Made from ${from} by pdserve convert. Use it as ./pdserve.yaml, or with --config.`,
  ]));
  return exitCodeOf(problems);
}

/** `convert FILE [MODEL]`; where a flag names the file, the first word is MODEL. */
function readOperands({ operands, values, toml }: SplitArgv) {
  const named = toml.files.length > 0 || values.some(({ key }) => sources.some((source) => source === key));
  const path = named ? null : operands[0] ?? null;
  const [model = null, ...more] = named ? operands : operands.slice(1);
  return { path, model, more };
}

const sources: readonly SettingKey[] = ["config", "vllmConfig", "sglangConfig", "prefillNumServers", "rolloutNumGpus"];

const noFile: Problem = {
  what: "Name the file to convert",
  why: "neither FILE nor a flag such as --vllm-config is given",
  fix: "pdserve convert job.yaml",
  where: "argument FILE",
  severity: "error",
  exitCode: 2,
};

function severalFiles(more: readonly string[]): Problem[] {
  return more.length === 0 ? [] : [{
    what: `Leave out "${more[0]}"`,
    why: "one file makes one pdserve.yaml, for one MODEL",
    fix: "pdserve convert FILE MODEL",
    where: `argument "${more[0]}"`,
    severity: "error",
    exitCode: 2,
  }];
}
