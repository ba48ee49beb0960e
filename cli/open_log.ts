// The log of one of a run's processes, in the run's folder.

import type { RunDir } from "../control/run_dir.ts";
import type { EventStream } from "../supervisor/event_stream.ts";
import { type LogStore, makeLogStore } from "../supervisor/log_store.ts";
import { diskTrouble } from "./disk_trouble.ts";

const LOG_FILE_BYTES = 64 * 1024 * 1024;
const LOG_FILES_KEPT = 3;
const LOG_LINES_IN_MEMORY = 2_000;

export interface LogPlace {
  readonly runDir: Pick<RunDir, "logPath">;
  readonly events: EventStream;
  /** Values to mask. */
  readonly redact: readonly string[];
}

export function openLog(name: string, onLine: (line: string) => void, { runDir, events, redact }: LogPlace): LogStore {
  return makeLogStore({
    path: runDir.logPath(name),
    maxBytes: LOG_FILE_BYTES,
    keep: LOG_FILES_KEPT,
    ringLines: LOG_LINES_IN_MEMORY,
    redact,
    onLine,
    onTrouble: (why) => events.emit({ type: "warning", problem: diskTrouble(`the log of ${name}`, why) }),
  });
}
