// One worker's output: all of it in a file that rotates, each line with the time it came; the latest in memory for screens and diagnosis.

import { type LineRing, makeLineRing } from "./line_ring.ts";
import { type LogFile, type LogFileOptions, openLogFile } from "./log_file.ts";
import { makeSecretMask } from "./mask_secrets.ts";
import { type LineSplitter, makeLineSplitter, maxLineChars } from "./split_lines.ts";
import { untilNext } from "./until_next.ts";

export interface LogStoreOptions extends LogFileOptions {
  /** How many lines stay in memory. */
  readonly ringLines: number;
  /** Values to mask wherever they occur; tokens of well-known shape are masked as well. */
  readonly redact: readonly string[];
  /** Each line as it is shown: masked, without terminal codes, without the probes' access lines. Up to 100 ms late. */
  readonly onLine: (line: string) => void;
  /** Milliseconds since 1970; the machine's clock where not given. */
  readonly now?: () => number;
}

type Output = "stdout" | "stderr";

interface Piece {
  readonly from: Output;
  readonly bytes: Uint8Array;
}

export interface LogStore {
  readonly path: string;
  /**
   * Takes bytes as they come; they are looked at later, many at once, and must not change until then. Where both outputs
   * share one pipe, all of it is stdout.
   */
  write(bytes: Uint8Array, from?: Output): void;
  /** The latest lines, oldest first; of a progress bar only its last state. Never late. */
  lines(): readonly string[];
  /** The next bytes are another process's: lines() forgets this one's, the file does not. */
  startOver(): void;
  /** Ends both streams, so that a last line without an end counts, and writes the file. */
  close(): Promise<void>;
}

/** Engines write a line at a time; looking at each alone would cost more than the lines do, and so would waiting for more than these. */
const gatherMs = 100;
const maxGatheredBytes = 4 * 1024;

export function makeLogStore(options: LogStoreOptions): LogStore {
  return new FileAndMemory(options);
}

class FileAndMemory implements LogStore {
  readonly path: string;
  readonly #options: LogStoreOptions;
  readonly #file: LogFile;
  readonly #now: () => number;
  readonly #splitters: Readonly<Record<Output, LineSplitter>>;
  #ring: LineRing;
  #gathered: Piece[] = [];
  #gatheredBytes = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(options: LogStoreOptions) {
    const mask = makeSecretMask(options.redact);
    this.path = options.path;
    this.#options = options;
    this.#file = openLogFile(options);
    this.#now = options.now ?? Date.now;
    this.#splitters = { stdout: makeLineSplitter(mask), stderr: makeLineSplitter(mask) };
    this.#ring = makeLineRing(options.ringLines);
  }

  write(bytes: Uint8Array, from: Output = "stdout"): void {
    this.#gathered.push({ from, bytes });
    this.#gatheredBytes += bytes.length;
    if (this.#gatheredBytes > maxGatheredBytes) this.#look();
    else this.#timer ??= setTimeout(() => this.#look(), untilNext(gatherMs));
  }

  lines(): readonly string[] {
    this.#look();
    return this.#ring.lines();
  }

  startOver(): void {
    this.#endStreams();
    this.#ring = makeLineRing(this.#options.ringLines);
  }

  async close(): Promise<void> {
    this.#endStreams();
    await this.#file.close();
  }

  #look(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const pieces = this.#gathered;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    for (const { from, bytes } of joined(pieces)) this.#keep(from, this.#splitters[from].push(bytes));
  }

  #endStreams(): void {
    this.#look();
    this.#keep("stdout", this.#splitters.stdout.end());
    this.#keep("stderr", this.#splitters.stderr.end());
  }

  #keep(from: Output, lines: readonly string[]): void {
    if (lines.length === 0) return;
    const stamp = `${new Date(this.#now()).toISOString()} `;
    const text = stamp + lines.join(`\n${stamp}`);
    // Almost always there is nothing to take out, which one look at all lines tells.
    if (!special.test(text) && lines.every(isShort)) {
      this.#file.append(text + "\n");
      for (const line of lines) this.#show(from, line, false);
      return;
    }
    // A bar that is redrawn many times a second is written once for each look.
    this.#file.append(
      lines.filter((_, at) => !isRedraw(lines[at + 1])).map((line) => `${stamp}${cut(line)}\n`).join(""),
    );
    for (const line of lines) this.#show(from, plain(cut(line)), isRedraw(line));
  }

  #show(from: Output, line: string, redraws: boolean): void {
    if (isBlank(line) || isProbe(line)) return;
    this.#ring.add(from, line, redraws);
    this.#options.onLine(line);
  }
}

/** Neighbours from the same output as one: to decode and split is cheap by the byte, dear by the call. */
function joined(pieces: readonly Piece[]): Piece[] {
  const runs: { from: Output; parts: Uint8Array[] }[] = [];
  for (const { from, bytes } of pieces) {
    const last = runs.at(-1);
    if (last?.from === from) last.parts.push(bytes);
    else runs.push({ from, parts: [bytes] });
  }
  return runs.map(({ from, parts }) => ({ from, bytes: concat(parts) }));
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function isShort(line: string): boolean {
  return line.length <= maxLineChars;
}

function isRedraw(line: string | undefined): boolean {
  return line?.startsWith("\r") ?? false;
}

function cut(line: string): string {
  const text = isRedraw(line) ? line.slice(1) : line;
  return isShort(text) ? text : `${text.slice(0, maxLineChars)}… (cut)`;
}

function isBlank(line: string): boolean {
  return line === "" || (line.charCodeAt(0) <= 32 && line.trim() === "");
}

// deno-lint-ignore no-control-regex -- control characters are what it is about
const special = /[\x00-\x08\x0b-\x1f\x7f]/;

// deno-lint-ignore no-control-regex -- as above
const controls = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f]/g;

/** A log line must not be able to move the cursor of whoever looks at it. */
function plain(text: string): string {
  return text.replace(controls, "");
}

/** `INFO:     127.0.0.1:48016 - "GET /health HTTP/1.1" 200 OK`, which pdserve's own probing makes. */
function isProbe(text: string): boolean {
  return text.includes('"GET /') && /"GET \/(?:health|metrics)(?:\?\S*)? HTTP/.test(text);
}
