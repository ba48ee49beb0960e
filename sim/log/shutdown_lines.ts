// What a stopping vLLM says (golden transcripts, single/sigterm_*).

import type { EngineLog } from "./engine_log.ts";

/** From the signal to the point where in-flight requests have been aborted. */
export function sayStopping(log: EngineLog, pid: number, aborted: number): void {
  const api = (place: string, text: string) => log.line("APIServer", "INFO", place, `[shutdown] ${text}`);
  const core = (place: string, text: string) => log.line("EngineCore", "INFO", place, `[shutdown] ${text}`);
  api("launcher.py:254", "API server: shutdown triggered");
  api("launcher.py:270", "API server: stopping engine client mode=abort timeout=0s");
  sayEngineStop(log, pid, () => {
    core("core.py:1454", "EngineCore: trigger received signal=SIGTERM");
    core("core.py:1635", "EngineCore: start mode=abort timeout=0s");
    if (aborted > 0) core("core.py:1644", `EngineCore: aborting in-flight requests count=${aborted}`);
    core("core.py:1666", "EngineCore: request processing complete; starting resource teardown");
    core("core.py:1499", "EngineCore: exiting busy loop");
  });
  api("launcher.py:279", "API server: engine client stopped");
  api("launcher.py:282", "API server: signalling HTTP server shutdown");
  api("launcher.py:304", "API server: shutting down FastAPI HTTP server");
  log.plain("INFO:     Shutting down\n");
}

export function sayWaitingForConnections(log: EngineLog): void {
  log.plain("INFO:     Waiting for connections to close. (CTRL+C to force quit)\n");
}

export function sayStopped(log: EngineLog): void {
  log.plain("INFO:     Waiting for application shutdown.\n");
  log.plain("INFO:     Application shutdown complete.\n");
}

/** After the engine core has died the API server ends by itself, with exit code 0. */
export function sayDied(log: EngineLog, pid: number): void {
  log.plain("INFO:     Shutting down\n");
  sayStopped(log);
  log.plain(`INFO:     Finished server process [${pid}]\n`);
  sayEngineStop(log, pid, () => {});
}

function sayEngineStop(log: EngineLog, pid: number, engineSays: () => void): void {
  const api = (place: string, text: string) => log.line("APIServer", "INFO", place, `[shutdown] ${text}`);
  const force = "Process manager: force killing remaining process";
  api("core_client.py:770", "MPClient: start timeout=0s");
  api("core_client.py:772", "MPClient: stopping engine manager");
  api("utils.py:628", "Process manager: send sigterm to process EngineCore");
  engineSays();
  log.line("APIServer", "WARNING", "utils.py:648", `[shutdown] ${force}es count=1`);
  log.line("APIServer", "WARNING", "utils.py:653", `[shutdown] ${force} EngineCore pid ${pid}`);
  api("core_client.py:774", "MPClient: engine manager stopped");
  api("core_client.py:775", "MPClient: cleaning up background resources");
  api("core_client.py:777", "MPClient: complete");
}
