// A screen that lives: what is settled scrolls up, what changes is drawn again below it.

import type { FleetEvent } from "../../supervisor/events.ts";
import { problemLines } from "../print_problems.ts";
import { bannerLines } from "./banner.ts";
import { paintFor } from "./color.ts";
import { failureBlock, refutedLine } from "./failure_block.ts";
import { blankPicture, type FleetPicture, pictureAfter } from "./fleet_picture.ts";
import { headerLines } from "./header_lines.ts";
import { liveLines } from "./live_lines.ts";
import { printable } from "./printable.ts";
import type { RedrawClock, Reporter, RunFacts, Screen } from "./reporter.ts";
import { stoppedLine } from "./stopped_line.ts";
import { cutText, textWidth } from "./text_width.ts";

const redrawEveryMs = 125;
const hideCursor = "\x1b[?25l";
const showCursor = "\x1b[?25h";
const eraseBelow = "\x1b[J";

export interface TtyReporter extends Reporter {
  toggleLogs(): void;
  toggleStatus(): void;
}

export function ttyReporter(screen: Screen, clock: RedrawClock, facts: RunFacts & { keys: boolean }): TtyReporter {
  const paint = paintFor(screen.color);
  let picture: FleetPicture = blankPicture;
  let drawn: readonly string[] = [];
  let shows = { logs: false, status: false };
  let stopTicking: (() => void) | null = null;
  let ended = false;

  /** Prints lines that stay, and the live part below them, in one write so that nothing flickers. */
  function draw(settled: readonly string[]): void {
    const view = { columns: screen.columns, rows: screen.rows, nowMs: clock.nowMs(), paint, keys: facts.keys };
    const live = ended ? [] : liveLines(picture, { ...view, showsLogs: shows.logs, showsStatus: shows.status });
    if (settled.length === 0 && sameLines(live, drawn)) return;
    const text = [...settled, ...live].map((line) => line + "\n").join("");
    screen.write((ended ? "" : hideCursor) + eraseText(drawn, screen.columns) + text);
    drawn = live;
  }

  function tick(): void {
    const moves = picture.phase.is !== "stopped" &&
      (picture.phase.is !== "ready" || shows.status || picture.workers.some(({ state }) => state !== "ready"));
    if (moves && !ended) stopTicking ??= clock.every(redrawEveryMs, () => draw([]));
    else {
      stopTicking?.();
      stopTicking = null;
    }
  }

  return {
    event(event) {
      picture = pictureAfter(picture, event, clock.nowMs());
      const style = { columns: screen.columns, paint, needsApiKey: facts.needsApiKey };
      const settled = event.type === "log" && !shows.logs ? [] : settledLines(event, picture, facts.version, style);
      if (event.type !== "log" || settled.length > 0) draw(settled);
      tick();
    },
    toggleLogs() {
      shows = { ...shows, logs: !shows.logs };
      draw([]);
    },
    toggleStatus() {
      shows = { ...shows, status: !shows.status };
      draw([]);
      tick();
    },
    end() {
      ended = true;
      tick();
      draw([]);
      screen.write(showCursor);
    },
  };
}

type Style = Parameters<typeof bannerLines>[1];

/** What an event leaves on the screen for good. */
function settledLines(event: FleetEvent, picture: FleetPicture, version: string, style: Style): string[] {
  const { columns, paint } = style;
  switch (event.type) {
    case "plan":
      return headerLines({ version, plan: event.plan, configFile: event.configFile }, columns, paint);
    case "warning":
      return problemLines(event.problem, paint, columns - 2).map((line) => `  ${line}`);
    case "log":
      return [cutText(`${paint.dim(event.worker)} ${printable(event.line)}`, columns)];
    case "proof":
      return event.proof.is === "refuted" ? ["", refutedLine(event.proof, style)] : [];
    case "ready":
      return bannerLines(event.ready, style);
    case "failed":
      return failureBlock(event.failure, picture.plan, style);
    case "reloaded":
      return event.changes.map((change) => cutText(`  ${paint.green("✓")} reload: ${change}`, columns));
    case "stopped":
      return ["", stoppedLine(event.exitCode, paint)];
    case "listening":
    case "worker":
    case "added":
    case "removed":
    case "draining":
    case "stopping":
      return [];
  }
}

/** Moves to where the live part begins. Lines drawn on a wider terminal may have wrapped since. */
function eraseText(lines: readonly string[], columns: number): string {
  if (lines.length === 0) return "";
  const rows = lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(textWidth(line) / Math.max(1, columns))), 0);
  return `\x1b[${rows}A\r${eraseBelow}`;
}

function sameLines(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, index) => line === b[index]);
}
