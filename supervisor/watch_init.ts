// The core's side of the pair: it hears what init hears, and kills everything when init is gone.

import { CORE_VERB, KILL_LIMIT_MS } from "./init.ts";
import { killNow } from "./kill_tree.ts";
import { becomeSubreaper } from "./native.ts";
import { processesOfRun } from "./process_tree.ts";
import { reapOrphans } from "./reap.ts";
import { identityFrom, type RunIdentity } from "./run_identity.ts";
import { LINK_FD, readChunks } from "./spawn.ts";
import { countStopSignals, hasTerminal, onStopSignals, stopSignals, type StopWish } from "./stop_signals.ts";

export interface Core {
  readonly identity: RunIdentity;
  /** Tells the listener each time the wish to stop grows, what was wished before it came included. */
  onStop(listener: (wish: StopWish) => void): void;
  /** Tells the listener of each SIGHUP, where that does not mean the end of a terminal. */
  onHangup(listener: () => void): void;
}

const KILLED = 137;

/** Runs `serve` as the core of a run; resolves with the exit code. Call it only in a process that `runInit` started. */
export async function runCore(serve: (core: Core) => Promise<number>): Promise<number> {
  const identity = identityFrom(process.env);
  if (identity?.initPid !== process.ppid) throw new Error(`Run pdserve without ${CORE_VERB}`);
  becomeSubreaper();
  const endReaping = reapOrphans();
  const { hear: count, onStop } = rememberWishes();
  const hangups: (() => void)[] = [];
  const isOnTerminal = hasTerminal();
  const hear: typeof count = (signal, by) => {
    if (signal !== "SIGHUP" || isOnTerminal) count(signal, by);
    else for (const listener of hangups) listener();
  };
  const endListening = onStopSignals((signal) => hear(signal, "core"));
  const initGone = followLink((signal) => hear(signal, "init")).then(() => {
    killNow(() => processesOfRun(identity.runId, process.pid).filter(({ pid }) => pid !== process.pid), KILL_LIMIT_MS);
    return KILLED;
  });
  try {
    return await Promise.race([
      serve({ identity, onStop, onHangup: (listener) => void hangups.push(listener) }),
      initGone,
    ]);
  } finally {
    endReaping();
    endListening();
  }
}

function rememberWishes() {
  const wishes: StopWish[] = [];
  const listeners: ((wish: StopWish) => void)[] = [];
  return {
    hear: countStopSignals((wish) => {
      wishes.push(wish);
      for (const listener of listeners) listener(wish);
    }),
    onStop(listener: (wish: StopWish) => void) {
      listeners.push(listener);
      for (const wish of wishes) listener(wish);
    },
  };
}

/** Resolves when init's end of the link is closed, which the kernel does at once when init dies. */
async function followLink(onSignal: (signal: (typeof stopSignals)[number]) => void): Promise<void> {
  let text = "";
  for await (const chunk of readChunks(LINK_FD)) {
    const lines = (text + new TextDecoder().decode(chunk)).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const signal = stopSignals.find((known) => known === line);
      if (signal !== undefined) onSignal(signal);
    }
  }
}
