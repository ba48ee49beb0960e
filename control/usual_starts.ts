// How long workers of a kind usually take to start on this machine, remembered from run to run, so that a screen can say what to expect.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "../plan/plan.ts";
import type { FleetEvents } from "../supervisor/event_stream.ts";

/** Of so many starts the median counts: one from a cold disk says little. */
const KEPT = 5;

type Starts = Readonly<Record<string, readonly number[]>>;

/** Milliseconds by worker; a worker of a kind that never started here is not in it. */
export function usualStarts(stateDir: string, plan: Plan): Readonly<Record<string, number>> {
  const starts = read(stateDir);
  return Object.fromEntries(plan.workers.flatMap(({ name }) => {
    const taken = [...starts[kindOf(plan, name)] ?? []].sort((a, b) => a - b);
    const median = taken[Math.floor(taken.length / 2)];
    return median === undefined ? [] : [[name, median]];
  }));
}

/** Remembers how long each worker takes until it answers, its restarts included. Returns how to end that. */
export function rememberStarts(stateDir: string, plan: Plan, events: FleetEvents): () => void {
  return events.subscribe((event) => {
    if (event.type !== "worker" || event.state !== "proving") return;
    const starts = read(stateDir);
    const kind = kindOf(plan, event.name);
    write(stateDir, { ...starts, [kind]: [...starts[kind] ?? [], event.elapsedMs].slice(-KEPT) });
  });
}

function kindOf({ model, engine, device, workers }: Plan, name: string): string {
  const worker = workers.find((one) => one.name === name);
  return [model, engine.name, engine.version, device, worker?.role, `tp${worker?.tp}`].join(" ");
}

function pathIn(stateDir: string): string {
  return join(stateDir, "usual_starts.json");
}

function read(stateDir: string): Starts {
  try {
    return JSON.parse(readFileSync(pathIn(stateDir), "utf8"));
  } catch {
    // None yet, or not ours: nothing is remembered then.
    return {};
  }
}

/** In one step, for several runs may write; what one of them loses is only a number for a screen. */
function write(stateDir: string, starts: Starts): void {
  const unfinished = `${pathIn(stateDir)}.${process.pid}`;
  try {
    mkdirSync(stateDir, { recursive: true });
    writeFileSync(unfinished, JSON.stringify(starts, null, 2) + "\n", { mode: 0o600 });
    renameSync(unfinished, pathIn(stateDir));
  } catch {
    // A full disk is told by the files that matter.
  }
}
