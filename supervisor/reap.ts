// Takes the exit status of orphans that fell to this process, for the runtime waits only for what it spawned itself.

import { reapChild } from "./native.ts";
import { childrenOf } from "./process_tree.ts";

/**
 * Looks now and then; returns how to end that. A zombie is taken at the second look: by then the runtime has had its turn of the
 * event loop to wait for its own.
 */
export function reapOrphans(everyMs = 5_000, self = process.pid): () => void {
  let seen = new Set<number>();
  const timer = setInterval(() => {
    const zombies = childrenOf(self).filter(({ zombie }) => zombie).map(({ pid }) => pid);
    for (const pid of zombies) if (seen.has(pid)) reapChild(pid);
    seen = new Set(zombies);
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
