// `pdserve config`: every setting's value, and where it came from.

import { configSchema } from "../../plan/config_schema.ts";
import { describeSpec, specJson } from "../../plan/describe_spec.ts";
import { planSources } from "../plan_sources.ts";
import { exitCodeOf, problemsText } from "../print_problems.ts";
import { readWish, type Wish, type WishSources } from "../read_wish.ts";
import { type Paint, paintFor, wantsColor } from "../render/color.ts";
import { tableLines } from "../render/table.ts";
import type { VerbInput } from "./command.ts";

export async function configCommand(
  { argv, context }: VerbInput,
  sources: WishSources = planSources(argv, context),
): Promise<number> {
  const { stdout, stderr, env } = context;
  const wish = await readWish(sources);
  const { schema, output } = wish.spec.settings;
  const columns = stdout.isTerminal ? stdout.columns : Infinity;
  if (schema.value) stdout.write(JSON.stringify(configSchema(), null, 2) + "\n");
  else if (output.value === "json") stdout.write(JSON.stringify(specJson(wish.spec), null, 2) + "\n");
  else stdout.write(configText(wish, columns, paintFor(wantsColor(env, stdout.isTerminal))));
  stderr.write(problemsText(wish.problems, paintFor(wantsColor(env, stderr.isTerminal)), columns));
  return exitCodeOf(wish.problems);
}

function configText({ spec, configFile }: Wish, columns: number, paint: Paint): string {
  const header = ["SETTING", "VALUE", "FROM", "IN PDSERVE.YAML"];
  const rows = describeSpec(spec).map(({ flag, value, origin, yaml }) => [
    // A value of `true` beside --no-canary would be read the wrong way round.
    flag.replace(/^--no-/, "--"),
    value ?? paint.dim("-"),
    origin === "default" ? paint.dim(origin) : paint.cyan(origin),
    paint.dim(yaml ?? "-"),
  ]);
  const file = configFile === null ? "no settings file" : `settings file ${configFile}`;
  const order = "default < file < environment < flag";
  return [...tableLines(header, rows, { columns, paint, elastic: 1 }), "", paint.dim(`${file} · ${order}`)].join("\n") +
    "\n";
}
