// One worker's output: all of it in a file that rotates, the latest lines in memory for screens and diagnosis.

import { type LogFileOptions, openLogFile } from "./log_file.ts";
import { makeSecretMask } from "./mask_secrets.ts";
import { type LogLine, makeLineSplitter, maxLineChars } from "./split_lines.ts";

export interface LogStoreOptions extends LogFileOptions {
  /** How many lines stay in memory. */
  readonly ringLines: number;
  /** Values to mask wherever they occur; tokens of well-known shape are masked as well. */
  readonly redact: readonly string[];
  /** Each line as it is shown: masked, without terminal codes, without the probes' access lines. Up to 50 ms late. */
  readonly onLine: (line: string) => void;
}

export interface LogStore {
  readonly path: string;
  /**
   * Takes bytes as they come; they are looked at later, many at once, and must not change until then. Where both outputs
   * share one pipe, all of it is stdout.
   */
  write(bytes: Uint8Array, from?: "stdout" | "stderr"): void;
  /** The latest lines, oldest first; of a progress bar only its last state. Never late. */
  lines(): readonly string[];
  /** The next bytes are another process's: lines() forgets this one's, the file does not. */
  startOver(): void;
  /** Ends both streams, so that a last line without an end counts, and writes the file. */
  close(): Promise<void>;
}

/** Engines write a line at a time; looking at each alone would cost more than the lines do. */
const gatherMs = 50;

const maxGatheredBytes = 256 * 1024;

export function makeLogStore(options: LogStoreOptions): LogStore {
  const file = openLogFile(options);
  const mask = makeSecretMask(options.redact);
  let ring = makeRing(options.ringLines);
  const streams = { stdout: makeLineSplitter(), stderr: makeLineSplitter() };
  const gathered: { readonly from: keyof typeof streams; readonly bytes: Uint8Array }[] = [];
  let gatheredBytes = 0;
  let timer: ReturnType<typeof setTimeout> | null = null;

  function look(): void {
    if (timer) clearTimeout(timer);
    timer = null;
    gatheredBytes = 0;
    for (const { from, bytes } of gathered.splice(0)) keep(from, streams[from].push(bytes));
  }

  function keep(from: keyof typeof streams, lines: readonly LogLine[]): void {
    if (lines.length === 0) return;
    const kept = lines.map(({ text, redraws }) => ({ text: cut(mask(text)), redraws }));
    // As on a terminal: of a bar that was redrawn only what stood last.
    file.append(kept.filter((_, at) => !kept[at + 1]?.redraws).map(({ text }) => text + "\n").join(""));
    for (const { text, redraws } of kept) show(from, text, redraws);
  }

  function show(from: string, text: string, redraws: boolean): void {
    const shown = plain(text);
    if (shown.trim() === "" || isProbe(shown)) return;
    ring.add(from, shown, redraws);
    options.onLine(shown);
  }

  function endStreams(): void {
    look();
    keep("stdout", streams.stdout.end());
    keep("stderr", streams.stderr.end());
  }

  return {
    path: options.path,
    write(bytes, from = "stdout") {
      gathered.push({ from, bytes });
      gatheredBytes += bytes.length;
      if (gatheredBytes > maxGatheredBytes) look();
      else timer ??= setTimeout(look, gatherMs);
    },
    lines() {
      look();
      return ring.lines();
    },
    startOver() {
      endStreams();
      ring = makeRing(options.ringLines);
    },
    async close() {
      endStreams();
      await file.close();
    },
  };
}

function cut(text: string): string {
  return text.length > maxLineChars ? `${text.slice(0, maxLineChars)}… (cut)` : text;
}

// deno-lint-ignore no-control-regex -- terminal codes and other control characters are what it is about
const controls = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f]/g;

/** A log line must not be able to move the cursor of whoever looks at it. */
function plain(text: string): string {
  return text.replace(controls, "");
}

/** `INFO:     127.0.0.1:48016 - "GET /health HTTP/1.1" 200 OK`, which pdserve's own probing makes. */
function isProbe(text: string): boolean {
  return /"GET \/(?:health|metrics)(?:\?\S*)? HTTP/.test(text);
}

interface Ring {
  add(from: string, line: string, redraws: boolean): void;
  lines(): readonly string[];
}

/** A redraw takes the place of the line it overwrites, unless the other stream has written since. */
function makeRing(size: number): Ring {
  const slots: string[] = [];
  let next = 0;
  let latestFrom = "";
  return {
    add(from, line, redraws) {
      if (redraws && from === latestFrom) next = (next + size - 1) % size;
      slots[next] = line;
      next = (next + 1) % size;
      latestFrom = from;
    },
    lines: () => slots.length < size ? slots.slice() : [...slots.slice(next), ...slots.slice(0, next)],
  };
}
