import { describe, expect, test } from "bun:test";
import type { RedrawClock } from "../../../cli/render/reporter.ts";
import { ttyReporter } from "../../../cli/render/tty.ts";
import type { FleetEvent } from "../../../supervisor/events.ts";
import { scenes } from "./fleet_scenes.ts";
import { virtualTerminal } from "./virtual_terminal.ts";

/** A clock whose ticks are called by hand. */
function handClock(): RedrawClock & { nowAtMs: number; tick(): void; ticking(): boolean } {
  const runs = new Set<() => void>();
  return {
    nowAtMs: 0,
    nowMs() {
      return this.nowAtMs;
    },
    every(_ms, run) {
      runs.add(run);
      return () => runs.delete(run);
    },
    tick: () => runs.forEach((run) => run()),
    ticking: () => runs.size > 0,
  };
}

function start(scene: string, columns = 80, rows = 24) {
  const terminal = virtualTerminal(columns, rows);
  const clock = handClock();
  const tty = ttyReporter(terminal, clock, { version: "0.1.0", needsApiKey: true, keys: true });
  const play = (events: readonly { atMs: number; event: FleetEvent }[]) => {
    for (const { atMs, event } of events) {
      clock.nowAtMs = atMs;
      tty.event(event);
    }
  };
  play(scenes[scene] ?? []);
  return { terminal, clock, tty, text: () => terminal.lines().join("\n") };
}

describe("ttyReporter()", () => {
  test("counts the time of a starting worker on, in place", () => {
    const { clock, terminal, text } = start("starting");
    const before = terminal.lines().length;
    clock.nowAtMs = 61_000;
    clock.tick();
    expect(text()).toContain("1m 01s");
    expect(text()).not.toContain(" 41s");
    expect(terminal.lines()).toHaveLength(before);
  });

  test("leaves no trace of wide lines when the terminal was made narrower", () => {
    const { clock, terminal, text } = start("starting", 120);
    terminal.columns = 40;
    clock.nowAtMs = 62_000;
    clock.tick();
    expect(text().match(/prefill-0 /g)).toHaveLength(1);
    expect(text().match(/q drain and quit/g)).toHaveLength(1);
  });

  test("does not redraw while all is well and nobody asked for the status", () => {
    const { clock, tty } = start("ready");
    expect(clock.ticking()).toBe(false);
    tty.toggleStatus();
    expect(clock.ticking()).toBe(true);
  });

  test("shows the workers at `s`, and hides them again", () => {
    const { tty, text } = start("ready");
    expect(text()).not.toContain("decode-1");
    tty.toggleStatus();
    expect(text()).toMatch(/✓ decode-1 .*ready/);
    tty.toggleStatus();
    expect(text()).not.toContain("decode-1");
  });

  test("shows the workers by itself when one is not ready", () => {
    const { tty, text } = start("ready");
    tty.event({ type: "worker", name: "decode-1", state: "backoff", stage: null, elapsedMs: 0 });
    expect(text()).toMatch(/! decode-1 .*will restart/);
  });

  test("hides the engines' logs until `l`, and takes their escape sequences away", () => {
    const { tty, text } = start("starting");
    const line = (said: string): FleetEvent => ({ type: "log", worker: "decode-0", line: said });
    tty.event(line("unseen"));
    tty.toggleLogs();
    tty.event(line("\x1b[2J\x07INFO seen\rby all"));
    tty.toggleLogs();
    tty.event(line("unseen again"));
    expect(text()).not.toContain("unseen");
    expect(text()).toContain("decode-0 INFO seenby all");
  });

  test("asks for the key in the curl line when clients need one", () => {
    expect(start("ready").text()).toContain(`-H "authorization: Bearer $PDSERVE_API_KEY" \\`);
  });

  test("leaves the terminal clean: no live part, no hidden cursor, no timer", () => {
    const { clock, terminal, tty, text } = start("starting");
    expect(terminal.cursorHidden).toBe(true);
    tty.end();
    expect(terminal.cursorHidden).toBe(false);
    expect(clock.ticking()).toBe(false);
    expect(text()).not.toContain("q drain and quit");
  });
});
