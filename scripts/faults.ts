// `npm run faults`: every fault with every shape of connector, as a table of how the client's request ended. Exit code 1
// when one did not end as it must, or left something behind.

import { shapes, walkFaults } from "../tests/router/faults/walk_faults.ts";
import type { Outcome } from "../tests/router/faults/walk_faults.ts";

/** Cells are `no stream` or, where it differs, `no stream / stream`; what differs with another pair follows an arrow. */
export function faultTable(outcomes: readonly Outcome[]): string {
  const faults = [...new Set(outcomes.map(({ fault }) => fault))];
  const cell = (fault: string, connector: string) => {
    const of = outcomes.filter((one) => one.fault === fault && one.kind.connector.name === connector);
    const alone = both(of.filter(({ kind }) => !kind.spare));
    const spare = both(of.filter(({ kind }) => kind.spare));
    return spare === "" || spare === alone ? alone : `${alone} → ${spare}`;
  };
  const names = shapes.map(({ name }) => name);
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const heads = shapes.map(({ name, shape }) => `${shape} (${name})`);
  return [
    row(["fault", ...heads]),
    row(["---", ...heads.map(() => "---")]),
    ...faults.map((fault) => row([fault, ...names.map((name) => cell(fault, name))])),
  ].join("\n");
}

function both(outcomes: readonly Outcome[]): string {
  return [...new Set(outcomes.toSorted((a, b) => Number(a.kind.stream) - Number(b.kind.stream)).map(inWords))].join(
    " / ",
  );
}

function inWords({ seen, expected, leftBehind }: Outcome): string {
  const wrong = seen === expected ? "" : ` (not ${expected})`;
  return `${seen}${wrong}${leftBehind.map((left) => ` (${left})`).join("")}`;
}

if (import.meta.main) {
  const outcomes = await walkFaults();
  const wrong = outcomes.filter(({ seen, expected, leftBehind }) => seen !== expected || leftBehind.length > 0);
  console.log(faultTable(outcomes));
  console.log(`
A cell is the client's status without a stream / as a stream, with one pair of workers → with another pair. 2nd: served by the
second attempt, after a new prefill. + error: the stream ends with an error event and [DONE]. left: the client has gone.
Looked at after each: KV handles, requests in flight, places held, sockets to workers, tokens that came twice.

${outcomes.length - wrong.length} of ${outcomes.length} as they must be`);
  process.exit(wrong.length === 0 ? 0 : 1);
}
