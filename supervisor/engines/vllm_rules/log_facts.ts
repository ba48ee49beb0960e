// What other lines of a vLLM log tell about a failure: the arguments it was started with, and what stands near.

import type { Evidence } from "../engine.ts";

type Log = Pick<Evidence, "lines">;

/** The value of one argument, as vLLM repeats those that differ from its defaults: `'port': 8326`. */
export function argumentOf(evidence: Log, name: string): string | null {
  const line = evidence.lines.find((text) => text.includes("non-default args: {"));
  const found = line && new RegExp(`['( ]${name}'?(?:: |=)(?:'([^']*)'|([^,})]+))`).exec(line);
  return found ? found[1] ?? found[2] ?? null : null;
}

/** The model as given; `MODEL` where the log does not tell. */
export function modelOf(evidence: Log): string {
  return argumentOf(evidence, "model") ?? argumentOf(evidence, "model_tag") ?? "MODEL";
}

export function saysAnywhere(evidence: Log, text: string | RegExp): boolean {
  return evidence.lines.some((line) => (typeof text === "string" ? line.includes(text) : text.test(line)));
}

/** First capture of the first line that matches. */
export function captureIn(evidence: Log, pattern: RegExp): string | null {
  for (const line of evidence.lines) {
    const found = pattern.exec(line)?.[1];
    if (found !== undefined) return found;
  }
  return null;
}
