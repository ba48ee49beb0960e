// Quarantine that holds in all router processes: the records of worker_health.ts in shared memory. Any process may write any
// record, so each step is one atomic operation; two at the same moment count one after the other.

import type { QuarantineLimits, WorkerHealth } from "../worker_health.ts";
import { commonCell, MOST_PAIRS, MOST_WORKERS, type SharedCells } from "./shared_cells.ts";
import { msOf, unitsOf } from "./shared_time.ts";
import type { WorkerNumbers } from "./worker_numbers.ts";

export interface SharedHealthParts {
  readonly shared: SharedCells;
  readonly numbers: WorkerNumbers;
  /** Milliseconds on a clock that all processes have in common, since the memory was made. */
  readonly now: () => number;
}

export function makeSharedHealth(parts: SharedHealthParts, limits: QuarantineLimits): WorkerHealth {
  const { shared: { cells }, numbers } = parts;
  const { isTroubled, blame, clear, trial, isOut } = makeRecords(parts, limits);
  const { workerRecord, pairRecord, knownPairs } = findRecords(cells, numbers);
  const faultOf = (name: string) => commonCell("workerFaults", numbers.of(name) ?? 0);
  const blameWorker = (name: string, fault: number, by: number) => {
    const record = workerRecord(name);
    if (record === null) return;
    Atomics.store(cells, faultOf(name), fault);
    blame(record, by);
  };
  return {
    blame: (name, fault) => blameWorker(name, fault === "gone" ? GONE : FAILING, 1),
    expel: (name) => blameWorker(name, FAILING, limits.failures),
    blamePair: (prefill, decode) => blame(pairRecord(prefill, decode, "claim"), 1),
    praise(prefill, decode) {
      if (!isTroubled()) return;
      clear(workerRecord(decode));
      if (prefill === null) return;
      clear(workerRecord(prefill));
      clear(pairRecord(prefill, decode, "find"));
    },
    probed(name) {
      if (isTroubled() && Atomics.load(cells, faultOf(name)) === GONE) clear(workerRecord(name));
    },
    chosen(prefill, decode) {
      if (!isTroubled()) return;
      trial(workerRecord(decode));
      if (prefill === null) return;
      trial(workerRecord(prefill));
      trial(pairRecord(prefill, decode, "find"));
    },
    avoids: (name) => isTroubled() && isOut(workerRecord(name)),
    avoidsPair: (prefill, decode) => isTroubled() && isOut(pairRecord(prefill, decode, "find")),
    avoided() {
      const pairs = knownPairs().filter(([prefill, decode]) => isOut(pairRecord(prefill, decode, "find")));
      return [...numbers.names.filter((name) => isOut(workerRecord(name))), ...pairs.map((pair) => pair.join("→"))];
    },
  };
}

/** A record's cells. Empty while all is well: no failures in a row, until 0. */
interface Record {
  readonly failures: number;
  readonly until: number;
}

function makeRecords({ shared: { cells }, now }: SharedHealthParts, { failures: enough, pauseMs }: QuarantineLimits) {
  const troubled = commonCell("troubled");
  const pauseFromNow = () => unitsOf(now() + pauseMs);
  return {
    isTroubled: () => Atomics.load(cells, troubled) !== 0,
    blame(record: Record | null, by: number) {
      if (record === null) return;
      const before = Atomics.add(cells, record.failures, by);
      if (before === 0) Atomics.add(cells, troubled, 1);
      if (before + by >= enough) Atomics.store(cells, record.until, pauseFromNow());
    },
    clear(record: Record | null) {
      if (record === null || Atomics.exchange(cells, record.failures, 0) === 0) return;
      Atomics.store(cells, record.until, 0);
      Atomics.sub(cells, troubled, 1);
    },
    isOut(record: Record | null) {
      const until = record === null ? 0 : Atomics.load(cells, record.until);
      return until > 0 && msOf(until) > now();
    },
    /** Whoever comes next finds the pause moved on. */
    trial(record: Record | null) {
      if (record !== null && Atomics.load(cells, record.until) > 0) Atomics.store(cells, record.until, pauseFromNow());
    },
  };
}

function findRecords(cells: Int32Array, numbers: WorkerNumbers) {
  const table = makePairTable(cells);
  return {
    workerRecord(name: string): Record | null {
      const at = numbers.of(name);
      return at === null ? null : { failures: commonCell("workerFailures", at), until: commonCell("workerUntil", at) };
    },
    /** `claim` makes one where there is none yet. */
    pairRecord(prefill: string, decode: string, how: "find" | "claim"): Record | null {
      const [from, to] = [numbers.of(prefill), numbers.of(decode)];
      const at = from === null || to === null ? null : table[how](from * MOST_WORKERS + to + 1);
      return at === null ? null : { failures: commonCell("pairFailures", at), until: commonCell("pairUntil", at) };
    },
    knownPairs(): readonly (readonly [prefill: string, decode: string])[] {
      return [...table.keys()].map((key) => {
        const nameOf = (number: number) => numbers.nameOf(number) ?? "";
        return [nameOf(Math.floor((key - 1) / MOST_WORKERS)), nameOf((key - 1) % MOST_WORKERS)] as const;
      });
    },
  };
}

const GONE = 1;
const FAILING = 2;

/** Records of pairs by key. A place once claimed stays its pair's, so finding needs no lock. */
function makePairTable(cells: Int32Array) {
  const seek = (key: number, take: (cell: number) => number): number | null => {
    for (let step = 0; step < MOST_PAIRS; step++) {
      const at = (Math.imul(key, 0x9e3779b1) + step >>> 0) % MOST_PAIRS;
      const found = take(commonCell("pairKeys", at));
      if (found === key) return at;
      if (found === 0) return null;
    }
    return null;
  };
  return {
    find: (key: number) => seek(key, (cell) => Atomics.load(cells, cell)),
    /** Null only when the table is full of others; such a pair is not remembered. */
    claim: (key: number) =>
      seek(key, (cell) => {
        const before = Atomics.compareExchange(cells, cell, 0, key);
        return before === 0 ? key : before;
      }),
    *keys() {
      for (let at = 0; at < MOST_PAIRS; at++) {
        const key = Atomics.load(cells, commonCell("pairKeys", at));
        if (key !== 0) yield key;
      }
    },
  };
}
