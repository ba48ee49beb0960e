// Log lines as vLLM prints them: `(EngineCore pid=7) INFO 11-21 09:03:05 [core.py:133] text`, prefix on every line.

export type Level = "INFO" | "WARNING" | "ERROR";

export interface LogSink {
  out(text: string): void;
  err(text: string): void;
}

/** Which process a line claims to come from. */
export type Speaker = "APIServer" | "EngineCore" | "Worker";

export interface EngineLog {
  line(speaker: Speaker, level: Level, place: string, text: string): void;
  /** Text as it is, on stderr: uvicorn's lines, progress bars, Python tracebacks. */
  plain(text: string): void;
  /** The same on stdout: access lines. */
  access(text: string): void;
}

/** One process here plays all three speakers, so all show its pid: nobody must be led to a stranger's. */
export function makeEngineLog(sink: LogSink, pid: number, now: () => Date): EngineLog {
  return {
    line(speaker, level, place, text) {
      const head = `(${speaker} pid=${pid}) ${level} ${stamp(now())} [${place}] `;
      sink.out(text.split("\n").map((line) => `${head}${line}\n`).join(""));
    },
    plain: (text) => sink.err(text),
    access: (text) => sink.out(text),
  };
}

function stamp(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
