// For pipes and CI: one line per transition, no cursor movement, the workers' logs with their names before them.

import type { FleetEvent } from "../../supervisor/events.ts";
import { problemLines } from "../print_problems.ts";
import { bannerLines, proofSummary } from "./banner.ts";
import { paintFor } from "./color.ts";
import { failureBlock, refutedLine } from "./failure_block.ts";
import { blankPicture, type FleetPicture, pictureAfter } from "./fleet_picture.ts";
import { headerLines } from "./header_lines.ts";
import { printable } from "./printable.ts";
import { countText, elapsedText } from "./quantities.ts";
import type { RedrawClock, Reporter, RunFacts, Screen } from "./reporter.ts";
import { stoppedLine } from "./stopped_line.ts";
import { stateText } from "./worker_lines.ts";

export function plainReporter(screen: Screen, clock: Pick<RedrawClock, "nowMs">, facts: RunFacts): Reporter {
  let picture = blankPicture;
  return {
    event(event) {
      const before = picture;
      picture = pictureAfter(picture, event, clock.nowMs());
      const lines = linesOf(event, before, picture, screen, facts);
      if (lines.length > 0) screen.write(lines.map((line) => line + "\n").join(""));
    },
    end() {},
  };
}

function linesOf(
  event: FleetEvent,
  before: FleetPicture,
  after: FleetPicture,
  screen: Screen,
  { version, needsApiKey }: RunFacts,
): string[] {
  const paint = paintFor(screen.color);
  const style = { columns: Infinity, paint, needsApiKey };
  switch (event.type) {
    case "plan":
      return headerLines({ version, plan: event.plan, configFile: event.configFile }, style.columns, paint);
    case "warning":
      return problemLines(event.problem, paint, style.columns);
    case "listening":
      return [`listening on ${event.url}`];
    case "worker": {
      const line = (picture: FleetPicture) => {
        const worker = picture.workers.find(({ plan }) => plan.name === event.name);
        return worker === undefined ? "" : `${event.name}  ${stateText(worker)}`;
      };
      // Nine of ten shards is progress, but no transition.
      return line(before) === line(after) ? [] : [`${line(after)}  ${paint.dim(elapsedText(event.elapsedMs))}`];
    }
    case "log":
      return [`${paint.dim(`${event.worker} |`)} ${printable(event.line)}`];
    case "proof":
      return event.proof.is === "refuted" ? ["", refutedLine(event.proof, style)] : [
        `${event.proof.prefill} → ${event.proof.decode}  ${
          proofSummary([event.proof], after.plan?.connector.name ?? "")
        }`,
      ];
    case "ready":
      return [...bannerLines(event.ready, style), ""];
    case "failed":
      return [...failureBlock(event.failure, after.plan, style), ""];
    case "added":
      return [`${event.worker.name}  added`];
    case "removed":
      return [`${event.name}  removed`];
    case "reloaded":
      return event.changes.map((change) => `reload: ${change}`);
    case "draining":
      return [`draining ${countText(event.inFlight, "request")}, up to ${elapsedText(event.limitMs)}${onText(event)}`];
    case "stopping":
      return [event.forced ? "stopping now" : "stopping"];
    case "stopped":
      return [stoppedLine(event.exitCode, paint).trim()];
  }
}

/** ` on decode-0 (2), prefill-1 (1)` */
function onText({ waitingFor }: Extract<FleetEvent, { type: "draining" }>): string {
  if (waitingFor.length === 0) return "";
  return ` on ${waitingFor.map(({ worker, requests }) => `${worker} (${requests})`).join(", ")}`;
}
