// What tests start as a simulated engine process: argv after `sim-engine`.

import { runSimEngine } from "../../sim/main.ts";

process.exit(await runSimEngine(process.argv.slice(2)));
