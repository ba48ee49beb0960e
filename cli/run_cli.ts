// argv to exit code: split, choose the verb, run it, let everything written get out.

import { layerSpec } from "../plan/layer_spec.ts";
import type { CliContext } from "./context.ts";
import { demoArgv } from "./demo_argv.ts";
import { exitCodes } from "./exit_codes.ts";
import { internalMains, mainVerbs } from "./main_verbs.ts";
import { engineOf } from "./read_wish.ts";
import { type SplitArgv, splitArgv } from "./split_argv.ts";
import { isInternalVerb, type VerbName } from "./verbs.ts";

export async function runCli(argv: readonly string[], context: CliContext): Promise<number> {
  const code = await dispatch(argv, context);
  await Promise.all([context.stdout.flushed(), context.stderr.flushed()]);
  return code;
}

async function dispatch(argv: readonly string[], context: CliContext): Promise<number> {
  const [first, ...rest] = argv;
  if (isInternalVerb(first)) return (await internalMains[first]())(rest, context);
  const split = (words: readonly string[]) => splitArgv(words, (name) => engineOf(name ?? context.env.PDSERVE_ENGINE));
  const said = split(argv);
  const words = said.verb === "demo" ? demoArgv(argv, said) : argv;
  const line = words === argv ? said : split(words);
  if (line.asksVersion && line.help === null) {
    context.stdout.write(`pdserve ${context.version}\n`);
    return exitCodes.ok;
  }
  const command = await mainVerbs[verbOf(argv, line, context)]();
  return await command({ argv: words, line, context });
}

function verbOf(argv: readonly string[], line: SplitArgv, { env }: CliContext): VerbName {
  if (argv.length === 0 || line.help !== null) return "help";
  const verb = line.verb ?? "up";
  // --dry-run has no place in a settings file, so nothing need be read to know it.
  const starts = verb === "up" || verb === "demo" || verb === "pdjob";
  return starts && layerSpec({ flags: line, env, file: null }).spec.settings.dryRun.value ? "plan" : verb;
}
