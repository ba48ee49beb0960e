// The part of the screen that is drawn over and over: what is going on now, and which keys help.

import type { Paint } from "./color.ts";
import type { FleetPicture, Phase } from "./fleet_picture.ts";
import { countText, elapsedText } from "./quantities.ts";
import { cutText } from "./text_width.ts";
import { workerLines } from "./worker_lines.ts";

export interface LiveView {
  readonly columns: number;
  readonly rows: number;
  readonly nowMs: number;
  readonly paint: Paint;
  /** Keys are read: standard input is a terminal. */
  readonly keys: boolean;
  readonly showsStatus: boolean;
  readonly showsLogs: boolean;
}

/** No line is wider than the terminal, and there are fewer lines than rows. */
export function liveLines(picture: FleetPicture, view: LiveView): string[] {
  if (picture.phase.is === "stopped" || picture.plan === null) return [];
  const head = phaseLines(picture.phase, view);
  const tail = [...proofProgress(picture, view), ...hintLines(picture.phase, view)];
  const room = view.rows - 2 - head.length - tail.length;
  const table = showsTable(picture, view) ? tableWithin(picture, Math.max(1, room), view) : [];
  const lines = [...head, ...table, ...tail].map((line) => cutText(line, view.columns));
  return lines.length === 0 ? [] : ["", ...lines];
}

/** Once all is well the table is hidden until somebody asks; it comes back by itself when a worker is not ready. */
function showsTable({ phase, workers }: FleetPicture, { showsStatus }: LiveView): boolean {
  return phase.is !== "ready" || showsStatus || workers.some(({ state }) => state !== "ready");
}

function tableWithin({ plan, workers }: FleetPicture, room: number, view: LiveView): string[] {
  if (plan === null || workers.length === 0) return [];
  if (workers.length <= room) return workerLines(workers, { ...view, plan });
  // Those still on their way are of more interest than those that arrived.
  const urgentFirst = [...workers].sort((a, b) => Number(a.state === "ready") - Number(b.state === "ready"));
  const shown = urgentFirst.slice(0, room - 1);
  const inOrder = workers.filter((worker) => shown.includes(worker));
  const more = `    … ${workers.length - shown.length} more`;
  return [...(inOrder.length > 0 ? workerLines(inOrder, { ...view, plan }) : []), view.paint.dim(more)];
}

function proofProgress({ phase, plan, proofs }: FleetPicture, { paint }: LiveView): string[] {
  if (phase.is !== "starting" || proofs.length === 0 || plan === null) return [];
  const count = (role: string) => plan.workers.filter((worker) => worker.role === role).length;
  const last = proofs.at(-1);
  const pair = last === undefined ? "" : `${last.prefill} → ${last.decode}`;
  const pairs = `${proofs.length} of ${count("prefill") * count("decode")} pairs`;
  return [`  ${paint.dim("KV handoff")}  ${pairs} tried  ${paint.dim(pair)}`];
}

function phaseLines(phase: Phase, { nowMs, paint }: LiveView): string[] {
  switch (phase.is) {
    case "starting":
    case "ready":
    case "stopped":
      return [];
    case "draining": {
      const waited = elapsedText(Math.max(0, nowMs - phase.sinceMs));
      const what = phase.inFlight === 0 ? "nothing in flight" : `draining ${countText(phase.inFlight, "request")}`;
      const limit = `up to ${elapsedText(phase.limitMs)}`;
      const needed = phase.waitingFor.map(({ worker, requests }) => `${worker} (${requests})`).join(", ");
      return [
        `  ${paint.yellow("!")} ${what}, ${limit} (${waited} so far) — Ctrl-C again to stop now`,
        ...(needed === "" ? [] : [`    waiting for ${needed}`]),
      ];
    }
    case "stopping":
      return [`  ${paint.yellow("!")} ${phase.forced ? "stopping now" : "stopping"}`];
  }
}

function hintLines(phase: Phase, { keys, paint, showsLogs, showsStatus }: LiveView): string[] {
  if (!keys || phase.is === "draining" || phase.is === "stopping") return [];
  const status = phase.is === "ready" ? [`s ${showsStatus ? "hide status" : "status"}`] : [];
  const hints = [`l ${showsLogs ? "hide logs" : "logs"}`, ...status, "q drain and quit"];
  return [`  ${paint.dim(hints.join(" · "))}`];
}
