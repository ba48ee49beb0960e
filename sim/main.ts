// `pdserve sim-engine MODEL [vllm flags]`: a stand-in for `vllm serve` that behaves like it on the wire, in its log and in
// how it dies. Written from recordings of a real vLLM 0.32; shares no code with the router it is used to test.

import { readFileSync } from "node:fs";
import { helpText } from "./help.ts";
import { runEngineProcess } from "./run_engine_process.ts";
import { pythonError, readSettings } from "./settings/read_settings.ts";

/** `argv` follows the word `sim-engine`. Resolves to the exit code when the engine has ended, however it did. */
export async function runSimEngine(argv: readonly string[]): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h")) {
    process.stdout.write(helpText());
    return 0;
  }
  const settings = readSettings(argv, process.env);
  if ("stderr" in settings) {
    process.stderr.write(settings.stderr);
    return settings.exitCode;
  }
  const { failLog, exitCode } = settings.faults;
  if (failLog !== null) {
    process.stdout.write(readLog(failLog));
    return exitCode;
  }
  return await runEngineProcess(settings);
}

function readLog(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    return pythonError(`FileNotFoundError: ${error}`).stderr;
  }
}
