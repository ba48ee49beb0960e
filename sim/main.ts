// `pdserve sim-engine MODEL [vllm flags]`: a stand-in for `vllm serve` that behaves like it on the wire, in its log and in
// how it dies. Written from recordings of a real vLLM 0.32; shares no code with the router it is used to test.

import { readFileSync } from "node:fs";
import { helpText } from "./help.ts";
import { runEngineProcess } from "./run_engine_process.ts";
import { parseArgv } from "./settings/parse_argv.ts";
import { pythonError, readSettings } from "./settings/read_settings.ts";
import { PLAYED_VERSION } from "./settings/sim_flags.ts";

/** `argv` follows the word `sim-engine`. Resolves to the exit code when the engine has ended, however it did. */
export async function runSimEngine(argv: readonly string[]): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h")) {
    process.stdout.write(helpText());
    return 0;
  }
  if (argv.includes("--version") || argv.includes("-v")) {
    process.stdout.write(`${playedVersion(argv)}\n`);
    return 0;
  }
  const settings = readSettings(argv, process.env);
  if ("stderr" in settings) {
    process.stderr.write(settings.stderr);
    return settings.exitCode;
  }
  const { failLog, exitCode, neverHealthy } = settings.faults;
  if (failLog === null) return await runEngineProcess(settings);
  process.stdout.write(readLog(failLog));
  return neverHealthy ? await stayForEver() : exitCode;
}

/** `vllm --version` prints the number alone. */
function playedVersion(argv: readonly string[]): string {
  const parsed = parseArgv(argv.filter((word) => word !== "--version" && word !== "-v"));
  const given = "values" in parsed ? parsed.values.get("sim-vllm-version")?.at(-1) : undefined;
  return given ?? PLAYED_VERSION;
}

/** A start that fails and does not end: vLLM has been seen to do so (real-vllm, failures/startup_hang_*). */
async function stayForEver(): Promise<never> {
  setInterval(() => {}, 60_000);
  return await new Promise(() => {});
}

function readLog(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    return pythonError(`FileNotFoundError: ${error}`).stderr;
  }
}
