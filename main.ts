// argv to exit code. The only file that calls process.exit.

import { becomeInit } from "./cli/become_init.ts";
import { processContext } from "./cli/process_context.ts";
import { startsRun } from "./cli/starts_run.ts";
import { version } from "./package.json" with { type: "json" };

const argv = process.argv.slice(2);
const context = processContext(version);
process.exit(await (startsRun(argv, context.env) ? becomeInit : await readLine())(argv, context));

/** Everything else, loaded only where it is needed. */
async function readLine() {
  return (await import("./cli/run_cli.ts")).runCli;
}
