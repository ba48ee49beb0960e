// One of several processes that storm the same gate: `bun storm_process.ts PATH ROW ROWS LIMIT ROUNDS`. Counts who is inside in a
// cell of its own making, so that the gate is not judged by its own books. Prints how often somebody was inside above the limit.

import { commonCell } from "../../../router/procs/shared_cells.ts";
import { mapSharedMemory } from "../../../supervisor/native.ts";
import { numbersIn } from "./numbers_in.ts";

const [path = "", ...words] = process.argv.slice(2);
const [row = 0, rows = 1, limit = 1, rounds = 1] = words.map(Number);
const cells = mapSharedMemory(path);
const gate = numbersIn(cells, { at: row, of: rows }).window("decode-0", { inside: limit, waiting: 1_000 });
/** Nobody keeps prefixes here. */
const inside = commonCell("prefillPrefixes");
let above = 0;

async function comeAndGo(): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    if (!gate.tryEnter()) await gate.queueUp()!.admitted;
    if (Atomics.add(cells, inside, 1) >= limit) above++;
    if (round % 3 > 0) await new Promise((resolve) => setImmediate(resolve));
    Atomics.sub(cells, inside, 1);
    gate.leave();
  }
}

await Promise.all(Array.from({ length: 2 * limit }, comeAndGo));
console.log(above);
