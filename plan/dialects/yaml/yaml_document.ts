// YAML text as nodes that know their line, and its syntax errors told for people.

import { type Document, LineCounter, parseAllDocuments, parseDocument, type YAMLError } from "yaml";
import type { Node } from "yaml";
import type { Problem } from "../../problem.ts";
import { type AliasProblem, resolveAliases } from "./resolve_aliases.ts";

export interface YamlDocument {
  /** Null for an empty file. */
  readonly root: Node | null;
  /** 1-based line of a node. */
  lineOf(node: Node): number;
  readonly problems: readonly Problem[];
}

export function readYaml(text: string, path: string): YamlDocument {
  const lines = new LineCounter();
  return asRead(parseDocument(text, { lineCounter: lines, ...strict }), lines, text, path);
}

/** Documents parted by `---`. */
export function readYamlDocuments(text: string, path: string): readonly YamlDocument[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, ...strict });
  return "empty" in documents ? [] : documents.map((one) => asRead(one, lines, text, path));
}

const strict = { prettyErrors: false, uniqueKeys: true } as const;

function asRead(document: Document.Parsed, lines: LineCounter, text: string, path: string): YamlDocument {
  const syntax = [...document.errors, ...document.warnings].map((error) => told(error, lines, text, path));
  const lineOf = (node: Node) => lines.linePos(node.range?.[0] ?? 0).line;
  // After a syntax error the tree is a guess, aliases and all.
  const alias = syntax.length > 0 ? null : resolveAliases(document);
  const problems = alias === null ? syntax : [aliasTold(alias, lineOf(alias.at), text, path)];
  return { root: document.contents, lineOf, problems };
}

function aliasTold({ why }: AliasProblem, line: number, text: string, path: string): Problem {
  const source = text.split("\n")[line - 1]?.trim() ?? "";
  return {
    what: `Cannot resolve "${source.slice(0, 80)}"`,
    why,
    fix: `write out line ${line}`,
    where: `${path}:${line}`,
    severity: "error",
    exitCode: 2,
  };
}

function told(error: YAMLError, lines: LineCounter, text: string, path: string): Problem {
  const { line, col } = lines.linePos(error.pos[0]);
  const source = text.split("\n")[line - 1]?.trim() ?? "";
  const duplicate = error.code === "DUPLICATE_KEY";
  return {
    what: duplicate ? `Key "${source.split(":")[0]}" is given twice` : `Cannot read "${source}" as YAML`,
    why: duplicate ? "only one of the two values could count" : error.message.replace(/\.$/, ""),
    fix: duplicate ? `remove line ${line} or the other one` : `correct line ${line}, column ${col}`,
    where: `${path}:${line}:${col}`,
    severity: "error",
    exitCode: 2,
  };
}
