// All connectors at a glance: one row each, below it what it needs, how it fails, and why it does not work here.

import type { Device, PortNeed } from "../../kv/connector.ts";
import type { EngineHere, Here } from "../../kv/connector_here.ts";
import type { ConnectorDescription } from "../../kv/describe_connector.ts";
import type { ConnectorScreen } from "./connector_page.ts";
import { tableLines } from "./table.ts";
import { wrapText } from "./text_width.ts";

export interface ConnectorRow {
  readonly description: ConnectorDescription;
  readonly here: Here;
}

const widest = 120;
/** Below, the ports have no room for a column and stand under their row. */
const roomForPorts = 110;
const indent = "    ";

/** `others` are those of the engine that was not looked for. */
export function connectorsTableText(
  rows: readonly ConnectorRow[],
  others: readonly ConnectorRow[],
  engine: EngineHere | null,
  screen: ConnectorScreen,
): string {
  const columns = Math.min(widest, screen.columns);
  const lines = [
    ...tableOf(rows, columns, screen),
    "",
    ...otherEngine(others, columns, screen),
    ...tableOf(others, columns, screen),
    "",
    ...footer(engine, columns).map(screen.paint.dim),
  ];
  return lines.join("\n") + "\n";
}

function tableOf(rows: readonly ConnectorRow[], columns: number, screen: ConnectorScreen): string[] {
  const versions = isSglangs(rows) ? "SGLANG" : "VLLM";
  const header = ["", "CONNECTOR", versions, "DEVICES", "HANDOFF"];
  const isWide = columns >= roomForPorts;
  const [head = "", ...lines] = tableLines(
    isWide ? [...header, "PORTS A WORKER"] : header,
    rows.map((row) => isWide ? [...cellsOf(row), portsOf(row)] : cellsOf(row)),
    { ...screen, columns },
  );
  const body = rows.flatMap((row, at) => [lines[at] ?? "", ...details(row, columns, !isWide).map(screen.paint.dim)]);
  return [head, ...body];
}

function isSglangs(rows: readonly ConnectorRow[]): boolean {
  return rows.some(({ description }) => description.connector.sglangBackend !== undefined);
}

function otherEngine(rows: readonly ConnectorRow[], columns: number, { paint }: ConnectorScreen): string[] {
  const says = isSglangs(rows)
    ? "SGLang's own transfer backends; what works here: pdserve connectors --engine sglang"
    : "vLLM's connectors; what works here: pdserve connectors --engine vllm";
  return wrapText(says, columns).map(paint.bold);
}

/** A mark in front, for colour is not for everybody. */
function cellsOf({ description, here }: ConnectorRow): string[] {
  const { connector } = description;
  return [
    { yes: "√", no: "×", unknown: "?" }[here.is],
    connector.name,
    rangeText(connector.engines.vllm ?? connector.engines.sglang),
    devicesText(connector.devices),
    connector.cannotHandOver === undefined ? connector.shape : "none",
  ];
}

function details(row: ConnectorRow, columns: number, withPorts: boolean): string[] {
  const { description: { connector }, here } = row;
  const ports = portsOf(row);
  const first = here.is === "no" ? here.problems[0] : undefined;
  const [worst] = connector.failureModes;
  const rows: [string, string][] = [
    ...(withPorts && ports !== "-" ? [["ports", ports] as [string, string]] : []),
    ["needs", connector.needs.join("; ")],
    ...(worst === undefined ? [] : [["fails", `${worst.when} → ${worst.seen}`] as [string, string]]),
    ...(first === undefined ? [] : [["not here", `${first.what} (${first.fix})`] as [string, string]]),
  ];
  return rows.flatMap(([label, text]) =>
    wrapText(text, columns - indent.length - 9).map((line, at) => indent + (at === 0 ? label : "").padEnd(9) + line)
  );
}

function footer(engine: EngineHere | null, columns: number): string[] {
  const here = engine === null
    ? "No engine was found, so what works here is not known: pip install vllm, or --engine-command"
    : `√ works here, × does not: ${engine.engine} ${engine.engineVersion} on ${engine.device}`;
  return [here, "More on one: pdserve connectors explain NAME. Try it: pdserve connectors check NAME"]
    .flatMap((line) => wrapText(line, columns));
}

/** `>=0.9.0 <0.23.0` → `0.9–0.22`, `>=0.26.0` → `0.26+`, `>=0.4.6` → `0.4.6+`. */
export function rangeText(range = "none"): string {
  const from = /^>=(\d+\.\d+(?:\.[1-9]\d*)?)(?:\.0)?(?: |$)/.exec(range)?.[1];
  const below = /<(\d+)\.(\d+)\.0$/.exec(range);
  if (from === undefined) return range;
  return below === null ? `${from}+` : `${from}–${below[1]}.${Number(below[2]) - 1}`;
}

function devicesText(devices: readonly Device[]): string {
  return devices.length === 5 ? "any" : devices.join(" ");
}

/** For one worker with TP, DP and PP 1; `explain` tells more. */
function portsOf({ description: { ports: { prefill, decode } } }: ConnectorRow): string {
  const text = (needs: readonly PortNeed[]) => needs.map(({ purpose }) => purpose.replaceAll("_", " ")).join(", ");
  if (prefill.length + decode.length === 0) return "-";
  return text(prefill) === text(decode) ? text(prefill) : `${text(prefill)} (prefill)`;
}
