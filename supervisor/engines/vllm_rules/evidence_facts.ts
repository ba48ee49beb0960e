// What the command line and other lines of the log tell about a failure.

import type { Evidence } from "../engine.ts";

type Facts = Pick<Evidence, "lines" | "argv">;

/**
 * The value of one argument, by its long name with underscores: the last one of the command line, else as vLLM repeats
 * those that differ from its defaults: `'port': 8326`.
 */
export function argumentOf({ argv = [], lines }: Facts, name: string): string | null {
  for (const [at, word] of [...argv.entries()].reverse()) {
    const [flag = "", ...rest] = word.split("=");
    if (!flag.startsWith("--") || flag.slice(2).replaceAll("-", "_") !== name) continue;
    return rest.length > 0 ? rest.join("=") : argv[at + 1] ?? null;
  }
  const line = lines.find((text) => text.includes("non-default args: {"));
  const found = line && new RegExp(`'${name}': (?:'([^']*)'|([^,}]+))`).exec(line);
  return found ? found[1] ?? found[2] ?? null : null;
}

/** The model as given; `MODEL` where nothing tells. */
export function modelOf({ argv = [], lines }: Facts): string {
  const positional = argv[argv.indexOf("serve") + 1];
  return (argv.includes("serve") ? positional : null) ?? argumentOf({ lines }, "model") ?? "MODEL";
}

/** The text of one member of the KV transfer configuration, null when it is absent or not text. */
export function kvConfigText(evidence: Facts, name: string): string | null {
  const config = argumentOf(evidence, "kv_transfer_config") ?? "";
  return new RegExp(`"${name}" *: *"([^"]*)"`).exec(config)?.[1] ?? null;
}

export function saysAnywhere({ lines }: Facts, text: string): boolean {
  return lines.some((line) => line.includes(text));
}

/** First capture of the first line that matches. */
export function captureIn({ lines }: Facts, pattern: RegExp): string | null {
  for (const line of lines) {
    const found = pattern.exec(line)?.[1];
    if (found !== undefined) return found;
  }
  return null;
}
