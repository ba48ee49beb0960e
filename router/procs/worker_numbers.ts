// Which cells are whose: each worker's name has a number, the same in all router processes and never another's. The core gives
// them, the others are told.

import { MOST_WORKERS } from "./shared_cells.ts";

export interface WorkerNumbers {
  /** Null for a name that the core has not told yet. */
  of(name: string): number | null;
  nameOf(number: number): string | null;
  /** In the order of their numbers. */
  readonly names: readonly string[];
  /** What the core has told; numbers only grow. */
  learn(names: readonly string[]): void;
}

/** `gives`: this is the core's, and an unknown name gets the next number. Null when there are none left. */
export function makeWorkerNumbers({ gives }: { readonly gives: boolean }): WorkerNumbers {
  const numbers = new Map<string, number>();
  const names: string[] = [];
  const add = (name: string) => {
    if (names.length === MOST_WORKERS) return null;
    numbers.set(name, names.length);
    names.push(name);
    return names.length - 1;
  };
  return {
    of: (name) => numbers.get(name) ?? (gives ? add(name) : null),
    nameOf: (number) => names[number] ?? null,
    names,
    learn: (told) => told.slice(names.length).forEach(add),
  };
}
