// An append-only text file that rotates by size and never blocks or fails its writer.

import { open, rename, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { untilNext } from "./until_next.ts";

export interface LogFile {
  append(text: string): void;
  /** Resolves when everything appended so far is written, or given up. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface LogFileOptions {
  readonly path: string;
  /** Size at which `path` becomes `path.1`. */
  readonly maxBytes: number;
  /** How many rotated files are kept. */
  readonly keep: number;
  /** Called once, with the reason, when text could not be written; writing is tried again with the next text. */
  readonly onTrouble: (reason: string) => void;
}

/** Text is gathered this long, so that many lines are one write. Waiting for it keeps no process alive; closing does. */
const gatherMs = 500;

/** Where the disk does not keep up, newer text is dropped rather than held. */
const maxPendingChars = 8 * 2 ** 20;

export function openLogFile(options: LogFileOptions): LogFile {
  return new RotatingFile(options);
}

class RotatingFile implements LogFile {
  readonly #options: LogFileOptions;
  #pending: string[] = [];
  #pendingChars = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #file: OpenFile | null = null;
  #writing: Promise<void> = Promise.resolve();
  #isQueued = false;
  #hasComplained = false;

  constructor(options: LogFileOptions) {
    this.#options = options;
  }

  append(text: string): void {
    if (this.#pendingChars > maxPendingChars) {
      return this.#complain("the disk is too slow; newer lines are not in the log file");
    }
    this.#pending.push(text);
    this.#pendingChars += text.length;
    this.#timer ??= setTimeout(() => this.flush(), untilNext(gatherMs)).unref();
  }

  flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    // One write waits at most: on a disk that stands still they would pile up.
    if (!this.#isQueued) this.#writing = this.#writing.then(() => this.#writePending());
    this.#isQueued = true;
    return this.#writing;
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#file?.handle.close().catch((error) => this.#complain(String(error)));
    this.#file = null;
  }

  async #writePending(): Promise<void> {
    this.#isQueued = false;
    if (this.#pending.length === 0) return;
    const bytes = new TextEncoder().encode(this.#pending.join(""));
    this.#pending = [];
    this.#pendingChars = 0;
    try {
      const file = await this.#fileWithRoomFor(bytes.length);
      await file.handle.appendFile(bytes);
      file.size += bytes.length;
    } catch (error) {
      this.#complain(error instanceof Error ? error.message : String(error));
    }
  }

  async #fileWithRoomFor(bytes: number): Promise<OpenFile> {
    const { path, maxBytes, keep } = this.#options;
    this.#file ??= await openAppending(path);
    if (this.#file.size > 0 && this.#file.size + bytes > maxBytes) {
      const { handle } = this.#file;
      this.#file = null;
      await handle.close();
      await moveAside(path, keep);
      this.#file = await openAppending(path);
    }
    return this.#file;
  }

  #complain(reason: string): void {
    if (this.#hasComplained) return;
    this.#hasComplained = true;
    this.#options.onTrouble(reason);
  }
}

interface OpenFile {
  readonly handle: FileHandle;
  size: number;
}

/** `path` becomes `path.1`, that `path.2`, and so on; what would be beyond `keep` goes. */
async function moveAside(path: string, keep: number): Promise<void> {
  if (keep === 0) return await rm(path, { force: true });
  for (let n = keep; n > 0; n -= 1) {
    const from = n === 1 ? path : `${path}.${n - 1}`;
    if (await exists(from)) await rename(from, `${path}.${n}`);
  }
}

/** For its owner alone: prompts may be in it. */
async function openAppending(path: string): Promise<OpenFile> {
  const handle = await open(path, "a", 0o600);
  return { handle, size: (await handle.stat()).size };
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(() => true, () => false);
}
