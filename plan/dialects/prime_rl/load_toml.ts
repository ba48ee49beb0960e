// PRIME-RL's command line as one tree: `@ FILE` as often as wanted, `toml_files` inside, dotted overrides on top.

import { dirname, isAbsolute, join } from "node:path";
import type { Env } from "../../env_layer.ts";
import type { Problem } from "../../problem.ts";
import { type Origin, originText } from "../../spec.ts";
import { errorAt, warningAt } from "../tell.ts";
import { emptyTable, find, layTables, plainOf, readToml, type TomlTable, withNode } from "../toml/toml_tree.ts";

export interface TomlLine {
  /** `under` is the key of `--some.key @ FILE`; null for the whole. */
  readonly files: readonly { readonly under: string | null; readonly path: string }[];
  /** `--pd_disagg.prefill_tp 2`, with `_` in its keys. A flag without value says true, `--no-…` false. */
  readonly overrides: readonly { readonly key: string; readonly value: string; readonly flag: string }[];
}

export type ReadTomlFile = (path: string) => Promise<
  { readonly is: "text"; readonly text: string } | { readonly is: "missing" | "unreadable"; readonly why: string }
>;

/** `literal` is what PRIME-RL's loader does: an included file replaces whole tables of the one that includes it. */
export type TomlMerge = "documented" | "literal";

export interface LoadedToml {
  readonly tree: TomlTable;
  readonly problems: readonly Problem[];
}

const nowhere: Origin = { is: "flag", flag: "@" };

export async function loadToml(
  { files, overrides }: TomlLine,
  readFile: ReadTomlFile,
  merge: TomlMerge,
  env: Env,
): Promise<LoadedToml> {
  const problems: Problem[] = [];
  const loading: Loading = { readFile, merge, problems };
  let tree = environmentTree(env);
  for (const { under, path } of files) {
    const file = await loadFile(path, nowhere, [], loading);
    tree = under === null ? laid(tree, file, merge) : withNode(tree, under.split("."), file);
  }
  for (const { key, value, flag } of overrides) {
    const origin: Origin = { is: "flag", flag };
    tree = withNode(tree, key.split("."), { is: "value", value: overrideValue(value), origin });
  }
  return { tree, problems };
}

/** `PRIME_PD_DISAGG__PREFILL_TP=2`, which any file outdoes. */
function environmentTree(env: Env): TomlTable {
  let tree = emptyTable(nowhere);
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith("PRIME_") || text === undefined) continue;
    const keys = name.slice("PRIME_".length).toLowerCase().split("__");
    tree = withNode(tree, keys, { is: "value", value: overrideValue(text), origin: { is: "env", name } });
  }
  return tree;
}

interface Loading {
  readonly readFile: ReadTomlFile;
  readonly merge: TomlMerge;
  readonly problems: Problem[];
}

function laid(under: TomlTable, over: TomlTable, merge: TomlMerge): TomlTable {
  if (merge === "documented") return layTables(under, over);
  return { ...over, members: new Map([...under.members, ...over.members]) };
}

/** The file over those it includes, as upstream's documents have it. */
async function loadFile(
  path: string,
  askedBy: Origin,
  includedBy: readonly string[],
  loading: Loading,
): Promise<TomlTable> {
  const { problems, merge } = loading;
  if (includedBy.includes(path)) {
    const why = [...includedBy, path].join(" → ");
    problems.push(errorAt(askedBy, { what: `"${path}" includes itself`, why, fix: "leave it out of toml_files" }));
    return emptyTable(askedBy);
  }
  const file = await loading.readFile(path);
  if (file.is !== "text") {
    problems.push(errorAt(askedBy, { what: `Cannot read "${path}"`, why: file.why, fix: "@ FILE.toml that is there" }));
    return emptyTable(askedBy);
  }
  const { table, problems: syntax } = readToml(file.text, path);
  problems.push(...syntax);
  const included = find(table, "toml_files");
  if (included === null) return table;
  const names = plainOf(included);
  if (!Array.isArray(names) || names.some((name) => typeof name !== "string")) {
    const why = "it lists files by name, relative to this one";
    problems.push(errorAt(included.origin, { what: "Cannot read toml_files", why, fix: 'toml_files = ["base.toml"]' }));
    return table;
  }
  let under = emptyTable(included.origin);
  for (const name of names as string[]) {
    const inner = isAbsolute(name) ? name : join(dirname(path), name);
    under = laid(under, await loadFile(inner, included.origin, [...includedBy, path], loading), merge);
  }
  if (merge === "literal") return laid(table, under, merge);
  problems.push(...lostUpstream(under, table));
  return layTables(under, table);
}

/** Upstream's loader lets the included file replace whole tables of the including one, against its own documents. */
function lostUpstream(included: TomlTable, including: TomlTable): Problem[] {
  const both = [...including.members].filter(([key]) => key !== "toml_files" && included.members.has(key));
  return both.map(([key, { origin }]) =>
    warningAt(origin, {
      what: `Let "${key}" of this file win over the one it includes`,
      why: `PRIME-RL's loader would take ${originText(included.members.get(key)?.origin ?? origin)} whole instead`,
      fix: "--toml-files literal to read it so too",
    })
  );
}

/** As the upstream line reads it: `None`, JSON where it is JSON, else text. */
function overrideValue(text: string): unknown {
  if (text === "None") return null;
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === "true";
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
