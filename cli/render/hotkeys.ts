// Single keys typed while pdserve runs.

import type { Keyboard } from "../context.ts";

const ctrlC = "\x03";

/** Does nothing where standard input is no terminal. Returns how to stop, which gives the terminal its line mode back. */
export function readHotkeys(
  keyboard: Keyboard,
  actions: Readonly<Record<string, () => void>>,
  onInterrupt: () => void,
): () => void {
  if (keyboard.isTTY !== true || keyboard.setRawMode === undefined) return () => {};
  const read = (typed: Buffer | string) => {
    for (const key of typed.toString()) {
      // In raw mode the terminal sends Ctrl-C as a character and no signal.
      if (key === ctrlC) onInterrupt();
      else if (Object.hasOwn(actions, key.toLowerCase())) actions[key.toLowerCase()]?.();
    }
  };
  keyboard.setRawMode(true);
  keyboard.on("data", read);
  keyboard.resume();
  return () => {
    keyboard.off("data", read);
    keyboard.setRawMode?.(false);
    keyboard.pause();
  };
}
