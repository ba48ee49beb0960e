// One line a worker: mark, name, place, stage, progress, time. Narrow terminals lose details before names.

import type { Plan } from "../../plan/plan.ts";
import type { WorkerState } from "../../supervisor/snapshot.ts";
import type { Paint } from "./color.ts";
import type { WorkerPicture } from "./fleet_picture.ts";
import { elapsedText } from "./quantities.ts";
import { cutText, padText, textWidth } from "./text_width.ts";
import { isSimulator } from "../../supervisor/engines/engine_title.ts";

const barCells = 10;
const stageColumns = 16;
const elapsedColumns = 7;
const usualColumns = 10;
const spinnerFrames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const spinnerFrameMs = 125;

export interface WorkerLinesView {
  readonly plan: Plan;
  readonly columns: number;
  readonly nowMs: number;
  readonly paint: Paint;
}

export function workerLines(workers: readonly WorkerPicture[], view: WorkerLinesView): string[] {
  const nameColumns = Math.max(...workers.map(({ plan }) => textWidth(plan.name)));
  const places = workers.map((worker) => placeOf(worker, view.plan));
  const placeColumns = Math.min(24, Math.max(...places.map(textWidth)));
  return workers.map((worker, index) => {
    const { paint } = view;
    const spare = view.columns - (4 + nameColumns + 2 + stageColumns + 1 + elapsedColumns);
    const withPlace = spare >= placeColumns + 2;
    const withBar = spare >= placeColumns + 2 + barCells + 9;
    const usual = spare >= placeColumns + 2 + barCells + 9 + usualColumns ? usualText(worker) : "";
    const cells = [
      `  ${markOf(worker, view)} ${padText(worker.plan.name, nameColumns)}`,
      ...(withPlace ? [paint.dim(padText(cutText(places[index] ?? "", placeColumns), placeColumns))] : []),
      padText(stateText(worker), stageColumns),
      ...(withBar ? [padText(progressText(worker, paint), barCells + 6)] : []),
    ];
    const elapsed = timeText(worker, view.nowMs);
    return cutText(`${cells.join("  ")} ${paint.dim(padText(elapsed, elapsedColumns, "right") + usual)}`, view.columns);
  });
}

/** Where it runs: GPUs where there are some, the address where somebody else started it. */
function placeOf({ plan: worker }: WorkerPicture, plan: Plan): string {
  if (worker.external !== null) return worker.external.replace(/^https?:\/\//, "");
  if (isSimulator(plan.engine.name)) return `simulated  :${worker.port}`;
  const where = plan.device === "cuda" ? `gpu ${worker.gpus.join(",")}` : plan.device;
  return `${where}  :${worker.port}`;
}

function markOf({ state }: WorkerPicture, { nowMs, paint }: WorkerLinesView): string {
  switch (state) {
    case "ready":
      return paint.green("✓");
    case "failed":
    case "fatal":
      return paint.red("✗");
    case "backoff":
      return paint.yellow("!");
    case "planned":
    case "stopped":
      return paint.dim("·");
    case "starting":
    case "proving":
    case "draining":
    case "stopping":
      return paint.cyan(spinnerFrames[Math.floor(nowMs / spinnerFrameMs) % spinnerFrames.length] ?? "·");
  }
}

const stateWords: Readonly<Record<WorkerState["is"], string>> = {
  planned: "waiting",
  starting: "starting",
  proving: "proving handoff",
  ready: "ready",
  draining: "draining",
  stopping: "stopping",
  stopped: "stopped",
  backoff: "will restart",
  failed: "failed",
  fatal: "gave up",
};

export function stateText({ state, stage }: Pick<WorkerPicture, "state" | "stage">): string {
  return state === "starting" && stage !== null ? stage.name : stateWords[state];
}

function progressText({ state, stage }: WorkerPicture, paint: Paint): string {
  const { done, of } = stage ?? {};
  if (state !== "starting" || done === undefined || of === undefined || of === 0) return "";
  const full = Math.max(0, Math.min(barCells, Math.floor(done / of * barCells)));
  return `${paint.cyan("█".repeat(full))}${paint.dim("░".repeat(barCells - full))} ${done}/${of}`;
}

/** ` ~1m 05s`: what the whole start took before. */
function usualText({ state, usualMs }: WorkerPicture): string {
  return state === "starting" && usualMs !== null ? `  ~${elapsedText(usualMs)}` : "";
}

function timeText(worker: WorkerPicture, nowMs: number): string {
  if (worker.state === "planned") return "";
  if (worker.retryAtMs !== null) return `in ${elapsedText(Math.max(0, worker.retryAtMs - nowMs))}`;
  return elapsedText(elapsedOf(worker, nowMs));
}

function elapsedOf({ state, sinceMs, elapsedMs }: WorkerPicture, nowMs: number): number {
  const counts = state === "starting" || state === "proving" || state === "draining" || state === "stopping";
  return counts ? Math.max(0, nowMs - sinceMs) : elapsedMs;
}
