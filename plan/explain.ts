// The plan as a table for people: one row a worker.

import type { Plan, WorkerPlan } from "./plan.ts";
import { maskArgv } from "./secrets.ts";
import { quoteShellWord } from "./shell_words.ts";

export interface PlanTable {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function planTable(plan: Plan): PlanTable {
  return {
    header: ["worker", "gpus", "port", "side ports", "command"],
    rows: [
      ...plan.workers.map((worker) => [
        worker.name,
        worker.gpus.join(",") || "-",
        worker.external ?? String(worker.port),
        sidePorts(worker),
        commandSummary(worker),
      ]),
      ...schedulerRows(plan),
    ],
  };
}

function schedulerRows({ scheduler }: Plan): readonly (readonly string[])[] {
  if (scheduler === undefined) return [];
  return [["scheduler", "-", String(scheduler.port), "-", maskArgv(scheduler.argv).map(quoteShellWord).join(" ")]];
}

function sidePorts({ ports }: WorkerPlan): string {
  const others = Object.entries(ports).filter(([purpose]) => purpose !== "http");
  return others.map(([purpose, numbers]) => `${purpose} ${spanOf(numbers)}`).join(", ") || "-";
}

/** `5600`, `21000-21015`. */
function spanOf(numbers: readonly number[]): string {
  const [first, last] = [numbers[0] ?? 0, numbers.at(-1) ?? 0];
  return first === last ? String(first) : `${first}-${last}`;
}

/** Told in other columns, or the same for every plan. */
const leftOut = new Set([
  "--host",
  "--port",
  "--served-model-name",
  "--kv-transfer-config",
  "--disable-access-log-for-endpoints",
]);

function commandSummary({ argv }: WorkerPlan): string {
  const kept = maskArgv(argv).filter((word, at) => !leftOut.has(word) && !leftOut.has(argv[at - 1] ?? ""));
  return kept.map(quoteShellWord).join(" ") || "runs already";
}
