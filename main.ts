// argv to exit code. The only file that calls process.exit.

import { processContext } from "./cli/process_context.ts";
import { runCli } from "./cli/run_cli.ts";
import { version } from "./package.json" with { type: "json" };

process.exit(await runCli(process.argv.slice(2), processContext(version)));
