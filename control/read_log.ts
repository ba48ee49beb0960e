// A worker's log file, rotated parts included, as lines with the time at which pdserve got them.

import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

export interface LogLine {
  /** RFC 3339 with milliseconds, so that texts compare as times; empty where the line has none. */
  readonly at: string;
  readonly text: string;
}

export interface LogWish {
  readonly fits: (line: LogLine) => boolean;
  /** Only the last so many; null for all. */
  readonly last: number | null;
}

/** Where reading ended: to go on from there. */
export interface LogEnd {
  readonly inode: number;
  readonly offset: number;
}

const LOOK_EVERY_MS = 200;
const CHUNK_BYTES = 256 * 1024;

/** Oldest first. What a worker's probes wrote is left out. */
export async function readLog(
  path: string,
  { fits, last }: LogWish,
): Promise<{ lines: LogLine[]; end: LogEnd | null }> {
  const lines: LogLine[] = [];
  let end: LogEnd | null = null;
  for (const part of partsOf(path)) {
    const { ino: inode, size } = statSync(part);
    end = { inode, offset: size };
    if (size === 0) continue;
    const reader = createInterface({ input: createReadStream(part, { end: size - 1 }), crlfDelay: Infinity });
    for await (const text of reader) {
      const line = readLine(text);
      if (!isProbe(line.text) && fits(line)) lines.push(line);
      if (last !== null && lines.length > 2 * last) lines.splice(0, lines.length - last);
    }
  }
  return { lines: last === null ? lines : last === 0 ? [] : lines.slice(-last), end };
}

/** What is written after `end`, until `goesOn` says that nothing will be. */
export async function* followLog(
  path: string,
  end: LogEnd | null,
  fits: (line: LogLine) => boolean,
  goesOn: () => boolean,
): AsyncGenerator<LogLine> {
  let [inode, offset, rest] = [end?.inode ?? 0, end?.offset ?? 0, ""];
  for (let isLast = false; !isLast;) {
    isLast = !goesOn();
    for (const part of [`${path}.1`, path].filter((one) => existsSync(one))) {
      const fd = openSync(part, "r");
      const stat = fstatSync(fd);
      // The first look finds the file it knows, perhaps under its rotated name; afterwards comes a new one.
      if (stat.ino !== inode && part === path) [inode, offset] = [stat.ino, 0];
      if (stat.ino === inode) {
        const text = readFrom(fd, offset, stat.size);
        offset = stat.size;
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        yield* lines.map(readLine).filter((line) => !isProbe(line.text) && fits(line));
      }
      closeSync(fd);
    }
    if (!isLast) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function readFrom(fd: number, from: number, to: number): string {
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(CHUNK_BYTES);
  let text = "";
  for (let at = from; at < to;) {
    const count = readSync(fd, chunk, 0, Math.min(chunk.length, to - at), at);
    if (count === 0) break;
    at += count;
    text += decoder.decode(chunk.subarray(0, count), { stream: at < to });
  }
  return text;
}

/** Oldest first. */
function partsOf(path: string): readonly string[] {
  const rotated: string[] = [];
  for (let n = 1; existsSync(`${path}.${n}`); n++) rotated.unshift(`${path}.${n}`);
  return existsSync(path) ? [...rotated, path] : rotated;
}

function readLine(line: string): LogLine {
  const [, at = "", text = line] = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (.*)$/s.exec(line) ?? [];
  return { at, text };
}

/** pdserve asks for these all the time. */
function isProbe(text: string): boolean {
  return text.includes('"GET /') && /"GET \/(?:health|metrics)(?:\?\S*)? HTTP/.test(text);
}
