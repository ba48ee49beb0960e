// TOML as a tree whose values know their file and line, so that several files can be laid over each other.

import { parse, TomlError } from "smol-toml";
import type { Problem } from "../../problem.ts";
import type { Origin, Sourced } from "../../spec.ts";
import { errorAt } from "../tell.ts";
import { tomlLines } from "./toml_lines.ts";

export interface TomlTable {
  readonly is: "table";
  readonly origin: Origin;
  readonly members: ReadonlyMap<string, TomlNode>;
}

/** Arrays are values whole. */
export type TomlNode = TomlTable | ({ readonly is: "value" } & Sourced<unknown>);

export interface ReadToml {
  readonly table: TomlTable;
  readonly problems: readonly Problem[];
}

export function readToml(text: string, path: string): ReadToml {
  const top: Origin = { is: "file", path, line: 1 };
  try {
    const lines = tomlLines(text);
    const lineOf = (keys: readonly string[], outer: number): number => lines.get(keys.join(".")) ?? outer;
    return { table: treeOf(parse(text), path, [], 1, lineOf), problems: [] };
  } catch (error) {
    const origin = error instanceof TomlError ? { ...top, line: error.line } : top;
    return { table: emptyTable(top), problems: [notToml(error, text, origin)] };
  }
}

export function emptyTable(origin: Origin): TomlTable {
  return { is: "table", origin, members: new Map() };
}

function treeOf(
  value: object,
  path: string,
  keys: readonly string[],
  line: number,
  lineOf: (keys: readonly string[], outer: number) => number,
): TomlTable {
  const members = Object.entries(value).map(([key, inner]): [string, TomlNode] => {
    const here = [...keys, key];
    const at = lineOf(here, line);
    if (isTable(inner)) return [key, treeOf(inner, path, here, at, lineOf)];
    return [key, { is: "value", value: inner, origin: { is: "file", path, line: at } }];
  });
  return { is: "table", origin: { is: "file", path, line }, members: new Map(members) };
}

function isTable(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Tables are merged, anything else of `over` wins. */
export function layTables(under: TomlTable, over: TomlTable): TomlTable {
  const members = new Map(under.members);
  for (const [key, node] of over.members) {
    const before = members.get(key);
    members.set(key, before?.is === "table" && node.is === "table" ? layTables(before, node) : node);
  }
  // A table that a dotted flag reaches into still stands in its file.
  return { is: "table", origin: over.origin.is === "file" ? over.origin : under.origin, members };
}

/** Sets `pd_disagg.prefill_tp`, making the tables on the way. */
export function withNode(table: TomlTable, keys: readonly string[], node: TomlNode): TomlTable {
  return layTables(table, keys.reduceRight((inner, key) => tableWith(key, inner), node) as TomlTable);
}

function tableWith(key: string, node: TomlNode): TomlNode {
  return { is: "table", origin: node.origin, members: new Map([[key, node]]) };
}

/** `find(root, "inference.parallel.tp")`; null where it is not said. */
export function find(table: TomlTable, path: string): TomlNode | null {
  let node: TomlNode | undefined = table;
  for (const key of path.split(".")) node = node?.is === "table" ? node.members.get(key) : undefined;
  return node ?? null;
}

export function findTable(table: TomlTable, path: string): TomlTable | null {
  const node = find(table, path);
  return node?.is === "table" ? node : null;
}

/** The first of these places that says something; null where none does. */
export function findFirst(table: TomlTable, ...paths: readonly string[]): TomlNode | null {
  return paths.map((path) => find(table, path)).find((node) => node !== null && plainOf(node) !== null) ?? null;
}

/** The plain value, tables as objects. */
export function plainOf(node: TomlNode): unknown {
  if (node.is === "value") return node.value;
  return Object.fromEntries([...node.members].map(([key, inner]) => [key, plainOf(inner)]));
}

function notToml(error: unknown, text: string, origin: Origin): Problem {
  const line = origin.is === "file" ? origin.line : 1;
  const source = text.split("\n")[line - 1]?.trim() ?? "";
  const [first = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return errorAt(origin, {
    what: `Cannot read "${source}" as TOML`,
    why: first.replace(/^Invalid TOML document: /, "").replace(/\.$/, "") || "it is not TOML",
    fix: `correct line ${line}`,
  });
}
