// Reads the output of a process at moments that all pipes share. Engines write a line at a time, and to wake up for each line costs
// many times what the line itself does; a pipe holds what comes in between.

import { closeFd, readNow, widenPipe } from "./native.ts";
import { untilNext } from "./until_next.ts";

const LOOK_EVERY_MS = 100;
/** Of a stream of lines nobody reads each one: it may come in larger pieces, as long as they fit into any pipe (64 KiB). */
const STREAM_EVERY_MS = 250;
const STREAM_BYTES_PER_MS = { from: 40, to: 200 };
/** Whoever writes more than this between two looks would have to wait for the next one. */
const SOON_BYTES = 128 * 1024;
const SOON_MS = 5;

/** One for all pipes: what it holds is passed on before anybody else reads. */
const buffer = new Uint8Array(256 * 1024);

export interface FollowedPipe {
  /** Resolves when the last process that holds the other end has closed it. */
  readonly ended: Promise<void>;
  /** Passes on now what is there, for whoever cannot wait for the next look. */
  readNow(): void;
}

/** The bytes are the callee's. */
export function followPipe(fd: number, onOutput: (bytes: Uint8Array) => void): FollowedPipe {
  widenPipe(fd);
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  let isOpen = true;
  const read = (): number => {
    if (!isOpen) return 0;
    const { bytes, isOver } = readAll(fd, onOutput);
    if (!isOver) return bytes;
    isOpen = false;
    closeFd(fd);
    resolve();
    return bytes;
  };
  let lookedMs = performance.now();
  const look = () => {
    const bytes = read();
    const nowMs = performance.now();
    const pauseMs = pauseAfter(bytes, nowMs - lookedMs);
    lookedMs = nowMs;
    if (isOpen) setTimeout(look, pauseMs);
  };
  setTimeout(look, SOON_MS);
  return { ended, readNow: () => void read() };
}

function pauseAfter(bytes: number, tookMs: number): number {
  if (bytes > SOON_BYTES) return SOON_MS;
  const perMs = bytes / tookMs;
  const isStream = perMs > STREAM_BYTES_PER_MS.from && perMs < STREAM_BYTES_PER_MS.to;
  return untilNext(isStream ? STREAM_EVERY_MS : LOOK_EVERY_MS);
}

function readAll(
  fd: number,
  onOutput: (bytes: Uint8Array) => void,
): { readonly bytes: number; readonly isOver: boolean } {
  let bytes = 0;
  // A writer that never stops must not keep everybody else waiting.
  for (let rounds = 0; rounds < 4; rounds++) {
    const count = readNow(fd, buffer);
    if (count === "end") return { bytes, isOver: true };
    if (count === "nothing yet") break;
    bytes += count;
    onOutput(buffer.slice(0, count));
    if (count < buffer.length) break;
  }
  return { bytes, isOver: false };
}
