// `pdserve status` on a screen: one verdict line, one line a worker, one line for each that failed.

import type { RunState, Verdict, WorkerEntry } from "../../control/run_state.ts";
import type { Paint } from "./color.ts";
import { countText, elapsedText, shortNumber } from "./quantities.ts";
import { tableLines } from "./table.ts";
import { cutText } from "./text_width.ts";

export interface StatusStyle {
  readonly columns: number;
  readonly paint: Paint;
  readonly now: Date;
}

const header = ["WORKER", "ROLE", "GPU", "STATE", "FOR", "REQ", "WAIT", "KV", "RESTARTS"];
const rightAligned = [5, 6, 7, 8];

export function statusLines(state: RunState, { columns, paint, now }: StatusStyle): string[] {
  const rows = state.workers.map((worker) => rowOf(worker, now));
  return [
    ...verdictLines(state, columns, paint),
    ...(rows.length === 0 ? [] : tableLines(header, rows, { columns, paint, elastic: 3, rightAligned })),
    ...state.workers.flatMap((worker) => failureLines(worker, columns, paint)),
  ];
}

function verdictLines(state: RunState, columns: number, paint: Paint): string[] {
  const count = (role: string) => state.workers.filter((worker) => worker.role === role).length;
  const ttft = state.ttft_ms === null
    ? []
    : [`TTFT p50 ≤ ${msText(state.ttft_ms.p50)} p99 ≤ ${msText(state.ttft_ms.p99)}`];
  const facts = [
    `${count("prefill")}P${count("decode")}D`,
    state.connector,
    `${state.in_flight} in flight`,
    `${state.queued} waiting`,
    ...ttft,
    ...(state.router_processes > 1 ? [`${state.router_processes} router processes`] : []),
    state.url,
  ];
  const line = `${verdictText(state.verdict, paint)}  ${facts.join(" · ")}`;
  return [cutText(line, columns), ...(state.reason === null ? [] : [cutText(`  ${state.reason}`, columns)])];
}

function verdictText(verdict: Verdict, paint: Paint): string {
  switch (verdict) {
    case "ready":
      return paint.green("READY");
    case "down":
      return paint.red("DOWN");
    case "starting":
    case "stopping":
    case "degraded":
      return paint.yellow(verdict.toUpperCase());
  }
}

function rowOf(worker: WorkerEntry, now: Date): string[] {
  const since = worker.since === null ? "" : elapsedText(Math.max(0, now.getTime() - Date.parse(worker.since)));
  const state = worker.detail === null ? worker.state : `${worker.state} (${worker.detail})`;
  return [
    ...[worker.name, worker.role, worker.gpus.join(","), state, since, String(worker.requests)],
    ...[worker.waiting === null ? "–" : String(worker.waiting), percentText(worker.kv_usage), String(worker.restarts)],
  ];
}

function failureLines({ name, last_failure: failure }: WorkerEntry, columns: number, paint: Paint): string[] {
  if (failure === null) return [];
  const at = failure.at.slice(0, 19).replace("T", " ");
  return [
    cutText(`${paint.yellow("!")} ${name} failed ${at}Z: ${failure.what}; ${failure.why}`, columns),
    cutText(`  fix: ${failure.fix}`, columns),
  ];
}

function percentText(share: number | null): string {
  return share === null ? "–" : `${Math.round(share * 100)}%`;
}

function msText(ms: number): string {
  return ms < 1_000 ? `${shortNumber(ms)} ms` : `${shortNumber(ms / 1_000)} s`;
}

/** `restarted`, `drained`: what an order did, with who it concerns. */
export function orderedText(order: string, workers: readonly string[]): string {
  return `${order} ${countText(workers.length, "worker")}: ${workers.join(", ")}`;
}
