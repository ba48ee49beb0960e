// The parts of README.md that repeat what the code knows, made from the code. `bun run scripts/readme_tables.ts` writes them;
// a test compares them, so that no flag is ever undocumented.

import { readFileSync, writeFileSync } from "node:fs";
import { exitCodes } from "../cli/exit_codes.ts";
import { verbs } from "../cli/verbs.ts";
import type { Connector } from "../kv/connector.ts";
import { connectors } from "../kv/index.ts";
import { envNameOf, type Setting, settings } from "../plan/settings.ts";

export const tables: Readonly<Record<string, () => string>> = {
  connectors: connectorTable,
  settings: settingsTable,
  "exit codes": exitCodeTable,
  verbs: verbsTable,
};

/** README text with every `<!-- table: NAME -->` … `<!-- end -->` filled anew. */
export function withTables(readme: string): string {
  return readme.replace(/<!-- table: ([\w ]+) -->\n[\s\S]*?<!-- end -->/g, (whole, name: string) => {
    const table = tables[name];
    return table === undefined ? whole : `<!-- table: ${name} -->\n\n${table()}\n\n<!-- end -->`;
  });
}

function connectorTable(): string {
  const rows = Object.values(connectors).map((connector: Connector) => [
    `\`${connector.name}\``,
    connector.summary,
    connector.engines["vllm"] ?? "–",
    connector.devices.join(", "),
    connector.imports.map((name) => `\`${name}\``).join(", ") || "–",
  ]);
  return markdown(["name", "what it does", "vLLM", "devices", "Python modules"], rows);
}

function settingsTable(): string {
  const rows = Object.values(settings).map((setting: Setting) => [
    `\`${setting.flag}\`${setting.hint === undefined ? "" : ` ${escape(setting.hint)}`}`,
    escape(setting.help) + (setting.choices === undefined ? "" : ` (${setting.choices.join(", ")})`),
    setting.default === null || setting.kind === "switch" ? "–" : `\`${setting.default}\``,
    `\`${envNameOf(setting)}\``,
    setting.yaml === null ? "–" : `\`${setting.yaml}\``,
  ]);
  return markdown(["flag", "what it does", "default", "environment", "pdserve.yaml"], rows);
}

function verbsTable(): string {
  const rows = Object.values(verbs).map(({ usage, summary }) => [`\`${escape(usage)}\``, escape(summary)]);
  return markdown(["after `pdserve`", "what it does"], rows);
}

const exitMeanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: "ended as asked",
  couldNotStart: "could not start; a restart will not help",
  badUsage: "a flag, a file or the plan is wrong; nothing was started",
  degraded: "`status`: it serves, but not with all workers",
  notRunning: "`status` and other verbs: no such run",
  engineMissing: "the engine, or a package the connector needs, is not installed",
  tryAgain: "temporary; trying again may help",
  interrupted: "Ctrl-C twice",
  killed: "killed from outside",
};

function exitCodeTable(): string {
  const rows = Object.entries(exitCodes).map(([name, code]) => [
    String(code),
    exitMeanings[name as keyof typeof exitCodes],
  ]);
  return markdown(["code", "meaning"], rows);
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function escape(text: string): string {
  return text.replaceAll("|", "\\|");
}

if (import.meta.main) writeFileSync("README.md", withTables(readFileSync("README.md", "utf8")));
