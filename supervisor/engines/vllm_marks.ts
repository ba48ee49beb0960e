// Landmarks of vLLM's log. Source: failing starts and killed processes of 0.32.0.

import type { LogMarks } from "./engine.ts";

export const vllmMarks: LogMarks = {
  serving: /Application startup complete|"POST \/v1\/|Avg prompt throughput: /,
  crash:
    /EngineCore (?:failed to start|encountered a fatal error)|WorkerProc (?:hit an exception|failed to start)|(?:died|exited) unexpectedly|EngineDeadError|Fatal Python error|Segfault encountered/,
  calm: /^(?:\([^)]*\) )?INFO[: ]/,
  wrapper:
    /Engine core initialization failed|WorkerProc initialization failed|Worker failed with error|EngineDeadError|EngineCore encountered an issue|RuntimeError: cancelled$/,
  echo: /non-default args: \{|Initializing a V1 LLM engine|Received request |INFO: +\S+ - "(?:GET|POST) /,
  prefix: /^(?:\([^)]* pid=\d+\) )?(?:(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) \d\d-\d\d \d\d:\d\d:\d\d \[[^\]]*\] )?/,
};
