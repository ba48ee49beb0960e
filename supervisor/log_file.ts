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

/** Text is gathered this long, so that many lines are one write. */
const gatherMs = 500;

/** Where the disk does not keep up, newer text is dropped rather than held. */
const maxPendingChars = 8 * 2 ** 20;

export function openLogFile(options: LogFileOptions): LogFile {
  let pending: string[] = [];
  let pendingChars = 0;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let file: { readonly handle: FileHandle; size: number } | null = null;
  let writing: Promise<void> = Promise.resolve();
  let waiting = false;
  let complained = false;

  function flush(): Promise<void> {
    if (timer) clearTimeout(timer);
    timer = null;
    // One write waits at most: on a disk that stands still they would pile up.
    if (!waiting) writing = writing.then(writePending);
    waiting = true;
    return writing;
  }

  async function writePending(): Promise<void> {
    waiting = false;
    if (pending.length === 0) return;
    const bytes = new TextEncoder().encode(pending.join(""));
    pending = [];
    pendingChars = 0;
    try {
      file ??= await openAppending(options.path);
      if (file.size > 0 && file.size + bytes.length > options.maxBytes) file = await rotated(file.handle);
      await file.handle.appendFile(bytes);
      file.size += bytes.length;
    } catch (error) {
      complain(error instanceof Error ? error.message : String(error));
    }
  }

  async function rotated(handle: FileHandle): Promise<{ handle: FileHandle; size: number }> {
    file = null;
    await handle.close();
    if (options.keep === 0) await rm(options.path, { force: true });
    for (let n = options.keep; n > 0; n -= 1) {
      const from = n === 1 ? options.path : `${options.path}.${n - 1}`;
      if (await exists(from)) await rename(from, `${options.path}.${n}`);
    }
    return await openAppending(options.path);
  }

  function complain(reason: string): void {
    if (complained) return;
    complained = true;
    options.onTrouble(reason);
  }

  return {
    append(text) {
      if (pendingChars > maxPendingChars) return complain("the disk is too slow; newer lines are not in the log file");
      pending.push(text);
      pendingChars += text.length;
      timer ??= unreferenced(setTimeout(flush, untilNext(gatherMs)));
    },
    flush,
    async close() {
      await flush();
      await file?.handle.close().catch((error) => complain(String(error)));
      file = null;
    },
  };
}

/** For its owner alone: prompts may be in it. */
async function openAppending(path: string): Promise<{ handle: FileHandle; size: number }> {
  const handle = await open(path, "a", 0o600);
  return { handle, size: (await handle.stat()).size };
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(() => true, () => false);
}

/** A log that waits to be written does not keep the process alive; closing it does. */
function unreferenced<T extends { unref?: () => unknown }>(timer: T): T {
  timer.unref?.();
  return timer;
}
