// What a person sees, kept in tests/fixtures/screens. PDSERVE_TEST_UPDATE=1 rewrites the screens; look at the diff then.

import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { paintFor } from "../../../cli/render/color.ts";
import { blankPicture, pictureAfter } from "../../../cli/render/fleet_picture.ts";
import { liveLines } from "../../../cli/render/live_lines.ts";
import { plainReporter } from "../../../cli/render/plain.ts";
import type { RedrawClock, Reporter } from "../../../cli/render/reporter.ts";
import { textWidth } from "../../../cli/render/text_width.ts";
import { ttyReporter } from "../../../cli/render/tty.ts";
import { scenes, type Step } from "./fleet_scenes.ts";
import { type VirtualTerminal, virtualTerminal } from "./virtual_terminal.ts";

const folder = join(import.meta.dir, "../../fixtures/screens");
const facts = { version: "0.1.0", needsApiKey: false, keys: true };

function play(steps: readonly Step[], reporter: (clock: RedrawClock) => Reporter): void {
  let nowMs = 0;
  const running = reporter({ nowMs: () => nowMs, every: () => () => {} });
  for (const { atMs, event } of steps) {
    nowMs = atMs;
    running.event(event);
  }
}

function ttyScreen(scene: string, columns: number, color: boolean): VirtualTerminal {
  const terminal = virtualTerminal(columns, 24, color);
  play(scenes[scene] ?? [], (clock) => ttyReporter(terminal, clock, facts));
  return terminal;
}

function expectGolden(name: string, lines: readonly string[]): void {
  const path = join(folder, `${name}.txt`);
  const text = lines.join("\n").trimEnd() + "\n";
  if (process.env.PDSERVE_TEST_UPDATE) writeFileSync(path, text);
  expect(text).toBe(readFileSync(path, "utf8"));
}

for (const scene of Object.keys(scenes)) {
  describe(`the screen "${scene}"`, () => {
    for (const columns of [80, 120]) {
      test(`is as kept at ${columns} columns`, () => {
        expectGolden(`${scene}_${columns}`, ttyScreen(scene, columns, false).lines());
      });

      test(`differs in colour alone at ${columns} columns`, () => {
        const colored = ttyScreen(scene, columns, true).lines();
        expectGolden(`${scene}_${columns}_color`, colored);
        expect(colored.map(stripVTControlCharacters).map((line) => line.trimEnd()))
          .toEqual(ttyScreen(scene, columns, false).lines());
      });
    }

    test("is never wider than the terminal, but for what is to be pasted", () => {
      for (const columns of [60, 80, 120]) {
        const lines = ttyScreen(scene, columns, false).lines();
        expect(lines.filter((line) => textWidth(line) > columns && !isForPasting(line))).toEqual([]);
      }
    });

    test("has a live part that fits any terminal", () => {
      for (const [columns, rows] of [[20, 5], [40, 8], [80, 24], [200, 60]] as const) {
        const picture = (scenes[scene] ?? []).reduce(
          (p, { atMs, event }) => pictureAfter(p, event, atMs),
          blankPicture,
        );
        const view = {
          columns,
          rows,
          nowMs: 0,
          paint: paintFor(false),
          keys: true,
          showsStatus: true,
          showsLogs: false,
        };
        const lines = liveLines(picture, view);
        expect(lines.length).toBeLessThan(rows);
        expect(lines.filter((line) => textWidth(line) > columns)).toEqual([]);
      }
    });

    test("is as kept on a pipe", () => {
      const terminal = virtualTerminal(80, 24);
      play(scenes[scene] ?? [], (clock) => plainReporter(terminal, clock, facts));
      expectGolden(`${scene}_plain`, terminal.lines());
    });
  });
}

function isForPasting(line: string): boolean {
  return /fix: |curl|-H '|-d '|https?:|~\/|vllm serve|--\S|CUDA_|VLLM_|\{"/.test(line);
}
