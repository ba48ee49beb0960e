import { describe, expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import type { Keyboard } from "../../../cli/context.ts";
import { chooseReporter } from "../../../cli/render/choose_reporter.ts";
import type { RedrawClock } from "../../../cli/render/reporter.ts";
import { fakeContext } from "../fake_context.ts";
import { scenes } from "./fleet_scenes.ts";

const stillClock: RedrawClock = { nowMs: () => 0, every: () => () => {} };

function keyboard(): Keyboard & { type(keys: string): void; raw: boolean[] } {
  const stream = new PassThrough();
  const raw: boolean[] = [];
  return Object.assign(stream, {
    isTTY: true,
    raw,
    setRawMode: (on: boolean) => raw.push(on),
    type: (keys: string) => void stream.emit("data", Buffer.from(keys)),
  });
}

function shown(progress: string, changes: Parameters<typeof fakeContext>[0] = {}): string {
  const context = fakeContext(changes);
  const reporter = chooseReporter(context, { progress, needsApiKey: false, onInterrupt() {} }, stillClock);
  for (const { event } of scenes.ready ?? []) reporter.event(event);
  reporter.end();
  expect(context.said().stdout).toBe("");
  return context.said().stderr;
}

describe("chooseReporter() with auto", () => {
  test("draws on a terminal", () => {
    expect(shown("auto", { columns: 80 })).toContain("\x1b[?25l");
  });

  test("writes lines into a pipe, on a dumb terminal and in CI", () => {
    for (const changes of [{}, { columns: 80, env: { TERM: "dumb" } }, { columns: 80, env: { CI: "true" } }]) {
      expect(shown("auto", changes)).not.toContain("\x1b[?25l");
      expect(shown("auto", changes)).toContain("prefill-0  booting");
    }
  });
});

describe("chooseReporter()", () => {
  test("takes the renderer asked for", () => {
    expect(shown("tty")).toContain("\x1b[?25l");
    expect(shown("plain", { columns: 80 })).not.toContain("\x1b[?25l");
    expect(JSON.parse(shown("json", { columns: 80 }).split("\n")[0] ?? "")).toMatchObject({ type: "plan" });
    expect(shown("quiet", { columns: 80 })).toBe("");
  });

  test("reads keys on a terminal: l and s change the screen, q and Ctrl-C interrupt, the rest does nothing", () => {
    const keys = keyboard();
    const context = fakeContext({ columns: 80, stdin: keys });
    let interrupts = 0;
    const wish = { progress: "auto", needsApiKey: false, onInterrupt: () => interrupts++ };
    const reporter = chooseReporter(context, wish, stillClock);
    for (const { event } of scenes.ready ?? []) reporter.event(event);
    expect(keys.raw).toEqual([true]);
    keys.type("s");
    expect(context.said().stderr).toContain("hide status");
    keys.type("xL");
    expect(context.said().stderr).toContain("hide logs");
    expect(interrupts).toBe(0);
    keys.type("q\x03");
    expect(interrupts).toBe(2);
    reporter.end();
    expect(keys.raw).toEqual([true, false]);
    keys.type("q");
    expect(interrupts).toBe(2);
  });

  test("leaves a keyboard that is no terminal alone", () => {
    const keys = Object.assign(keyboard(), { isTTY: false });
    const reporter = chooseReporter(
      fakeContext({ columns: 80, stdin: keys }),
      { progress: "tty", needsApiKey: false, onInterrupt() {} },
      stillClock,
    );
    reporter.end();
    expect(keys.raw).toEqual([]);
  });
});
