// The latest lines of a log, in memory that does not grow.

export interface LineRing {
  /** A redraw takes the place of the line it overwrites, unless the other output has written since. */
  add(from: string, line: string, redraws: boolean): void;
  /** Oldest first. */
  lines(): readonly string[];
}

export function makeLineRing(size: number): LineRing {
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
