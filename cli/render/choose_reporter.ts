// Which renderer: as asked, or by what stderr is.

import type { CliContext } from "../context.ts";
import { wantsColor } from "./color.ts";
import { readHotkeys } from "./hotkeys.ts";
import { jsonReporter } from "./json.ts";
import { plainReporter } from "./plain.ts";
import { quietReporter } from "./quiet.ts";
import type { RedrawClock, Reporter, Screen } from "./reporter.ts";
import { ttyReporter } from "./tty.ts";

export interface ReporterWish {
  /** The value of --progress. */
  readonly progress: string;
  readonly needsApiKey: boolean;
  /** `q` or Ctrl-C typed on the screen: the same as SIGINT. */
  readonly onInterrupt: () => void;
}

/** Renders to stderr. On a terminal it also reads keys, until it ends. */
export function chooseReporter(context: CliContext, wish: ReporterWish, clock: RedrawClock = realClock): Reporter {
  const screen = screenOf(context);
  const facts = { version: context.version, needsApiKey: wish.needsApiKey };
  switch (rendererOf(wish.progress, context)) {
    case "json":
      return jsonReporter(screen);
    case "quiet":
      return quietReporter(screen);
    case "plain":
      return plainReporter(screen, clock, facts);
    case "tty": {
      const keys = context.stdin.isTTY === true;
      const tty = ttyReporter(screen, clock, { ...facts, keys });
      const actions = { l: tty.toggleLogs, s: tty.toggleStatus, q: wish.onInterrupt };
      const stopReading = readHotkeys(context.stdin, actions, wish.onInterrupt);
      return {
        event: tty.event,
        end() {
          stopReading();
          tty.end();
        },
      };
    }
  }
}

function rendererOf(progress: string, { stderr, env }: CliContext): "tty" | "plain" | "json" | "quiet" {
  if (progress === "tty" || progress === "plain" || progress === "json" || progress === "quiet") return progress;
  // A dumb terminal cannot move its cursor.
  return stderr.isTerminal && env.TERM !== "dumb" && !env.CI ? "tty" : "plain";
}

function screenOf({ stderr, env }: CliContext): Screen {
  return {
    write: stderr.write,
    get columns() {
      return stderr.columns;
    },
    get rows() {
      return stderr.rows;
    },
    color: wantsColor(env, stderr.isTerminal),
  };
}

const realClock: RedrawClock = {
  nowMs: () => performance.now(),
  every(ms, run) {
    const timer = setInterval(run, ms);
    return () => clearInterval(timer);
  },
};
