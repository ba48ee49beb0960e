// `pdserve help`, `-h`, `--help`, `--help=WORD`, and pdserve alone.

import { exitCodes } from "../exit_codes.ts";
import { firstScreen, helpText, searchHelp } from "../help.ts";
import { paintFor, wantsColor } from "../render/color.ts";
import { isVerb } from "../verbs.ts";
import type { VerbInput } from "./command.ts";

const pipeColumns = 100;

export function helpCommand({ argv, line, context }: VerbInput): Promise<number> {
  const { stdout, stderr, env, version } = context;
  const columns = stdout.isTerminal ? stdout.columns : pipeColumns;
  const style = { columns, paint: paintFor(wantsColor(env, stdout.isTerminal)) };
  const [operand] = line.operands;
  const help = line.help ?? { is: "full" };
  const word = help.is === "about" ? help.word : operand !== undefined && !isVerb(operand) ? operand : null;
  const done = (text: string) => {
    stdout.write(text);
    return Promise.resolve(exitCodes.ok);
  };
  if (argv.length === 0) return done(firstScreen(version, style));
  if (word === null || help.is === "about" && word === "") {
    const named = operand !== undefined && isVerb(operand) ? operand : line.verb;
    const verb = named === "help" && operand === undefined ? null : named;
    return done(helpText(help.is === "about" ? { is: "full" } : help, verb, style));
  }
  const found = searchHelp(word, style);
  if (found !== null) return done(found);
  stderr.write(`pdserve: No flag and no verb has to do with "${word}"\n  fix:   pdserve --help\n`);
  return Promise.resolve(exitCodes.badUsage);
}
