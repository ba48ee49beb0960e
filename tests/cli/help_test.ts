import { describe, expect, test } from "bun:test";
import { firstScreen, type HelpStyle, helpText, searchHelp } from "../../cli/help.ts";
import { paintFor } from "../../cli/render/color.ts";
import { textWidth } from "../../cli/render/text_width.ts";
import { verbs } from "../../cli/verbs.ts";
import { envNameOf, type Setting, settings } from "../../plan/settings.ts";
import { engines } from "../../supervisor/engines/index.ts";

const style = (columns: number, color = false): HelpStyle => ({ columns, paint: paintFor(color) });
const all: readonly Setting[] = Object.values(settings);

function widest(text: string): number {
  return Math.max(...text.split("\n").map(textWidth));
}

describe("help", () => {
  test("pdserve alone prints twelve lines", () => {
    expect(firstScreen("0.1.0", style(80)).trimEnd().split("\n")).toHaveLength(12);
    expect(widest(firstScreen("0.1.0", style(80)))).toBeLessThanOrEqual(80);
  });

  test("fits 80 columns, and never takes more than 100", () => {
    for (const is of ["short", "full"] as const) {
      expect(widest(helpText({ is }, null, style(80)))).toBeLessThanOrEqual(80);
      expect(widest(helpText({ is }, null, style(300, true)))).toBeLessThanOrEqual(100);
    }
  });

  test("--help lists every flag with its environment name and default, and every engine flag", () => {
    const words = helpText({ is: "full" }, null, style(80)).split(/\s+/).join(" ");
    for (const setting of all) {
      expect(words).toContain(setting.flag);
      expect(words).toContain(envNameOf(setting));
      if (setting.default !== null && setting.kind !== "switch") expect(words).toContain(`default ${setting.default}`);
    }
    for (const flag of Object.keys(engines.vllm.commonFlags)) expect(words).toContain(flag);
  });

  test("-h lists the twenty flags that matter", () => {
    const shown = helpText({ is: "short" }, null, style(100)).match(/^ {2}--[a-z-]+(?![.a-z-])/gm) ?? [];
    const own = shown.filter((flag) => all.some((setting) => setting.flag === flag.trim()));
    expect(own.map((flag) => flag.trim())).toHaveLength(20);
  });

  test("every verb has its page, those without flags a short one", () => {
    for (const verb of Object.keys(verbs) as (keyof typeof verbs)[]) {
      expect(helpText({ is: "full" }, verb, style(80))).toStartWith(`Usage  pdserve ${verbs[verb].usage}\n`);
    }
    expect(helpText({ is: "full" }, "version", style(80))).not.toContain("--port");
  });

  test("the simulator and pdserve's own processes are hidden", () => {
    expect(helpText({ is: "full" }, null, style(80))).not.toMatch(/sim-engine|__core/);
  });

  test("--help=WORD finds flags by name, choice, explanation and engine flag", () => {
    expect(searchHelp("GPU_memory", style(80))).toContain("--gpu-memory-utilization");
    expect(searchHelp("decode-alone", style(80))).toContain("--fallback");
    expect(searchHelp("429", style(80))).toContain("--max-queue");
    expect(searchHelp("--port", style(80))).not.toContain("--prefill-gpus");
    expect(searchHelp("xyzzy", style(80))).toBeNull();
  });
});
