// argv to exit code. The only file that calls process.exit.

import { runCli } from "./cli/run_cli.ts";

process.exit(await runCli(process.argv.slice(2)));
