// The shape of the house (DESIGN.md §1) as a test: who may import whom, no cycles, sizes, and where the runtime is named.

import { expect, test } from "bun:test";
import { Glob } from "bun";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { parseSync, Visitor } from "oxc-parser";

const FILE_LINES_MAX = 300;
const FUNCTION_LINES_MAX = 60;

/** Folder → folders it may import from. The longest matching folder counts. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  kv: [],
  "router/policies": [],
  "plan/dialects": ["plan", "kv"],
  plan: ["kv", "supervisor/engines", "plan/dialects"],
  "supervisor/engines": ["plan", "kv"],
  supervisor: ["plan", "kv", "supervisor/engines"],
  router: ["kv", "plan", "supervisor", "supervisor/engines", "router/policies"],
  control: ["supervisor", "supervisor/engines", "router", "plan", "kv"],
  cli: [
    "control",
    "supervisor",
    "supervisor/engines",
    "router",
    "router/policies",
    "plan",
    "plan/dialects",
    "kv",
    "sim",
  ],
  sim: [],
  ui: ["control"],
};

/** Files that may name the runtime; a port to another one would touch only these. */
const namesBun = [
  /^supervisor\/(spawn|native)\.ts$/,
  /^router\/listen\/(bun_serve|socket)\.ts$/,
  /^router\/upstream\/socket\.ts$/,
  /^plan\/probe\/nvml\.ts$/,
  /^sim\//,
  /^scripts\//,
  /^bench\//,
  /^tests\//,
];

/** Files that are one table and nothing else. */
const tables = new Set(["plan/settings.ts"]);

const sources = [...new Glob("**/*.{ts,tsx}").scanSync(".")]
  .filter((path) => !/^(node_modules|dist|\.cache)\//.test(path) && !path.endsWith(".d.ts"))
  .sort()
  .map((path) => ({ path, text: readFileSync(path, "utf8") }));
const product = sources.filter(({ path }) => !/^(tests|scripts|bench)\//.test(path));

test("every import follows the arrows of DESIGN.md", () => {
  const wrong = product.flatMap(({ path, text }) =>
    importsOf(path, text)
      .filter(({ target }) => !arrowAllows(roomOf(path), roomOf(target)))
      .map(({ target }) => `${path} imports ${target}`)
  );
  expect(wrong).toEqual([]);
});

test("no file imports itself through others", () => {
  const graph = new Map(product.map(({ path, text }) => [path, importsOf(path, text).map(({ target }) => target)]));
  expect(cyclesOf(graph)).toEqual([]);
});

test(`no source file is longer than ${FILE_LINES_MAX} lines`, () => {
  const long = product.map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }))
    .filter(({ path, lines }) => lines > FILE_LINES_MAX && !tables.has(path));
  expect(long).toEqual([]);
});

test(`no function is longer than ${FUNCTION_LINES_MAX} lines`, () => {
  expect(product.flatMap(({ path, text }) => longFunctions(path, text))).toEqual([]);
});

test("the runtime is named only at the edges", () => {
  const named = product.filter(({ path, text }) =>
    !namesBun.some((allowed) => allowed.test(path)) && /\bBun\.|from "bun(:\w+)?"/.test(withoutComments(text))
  );
  expect(named.map(({ path }) => path)).toEqual([]);
});

test("no file exports a default, and only main.ts ends the process", () => {
  expect(
    product.filter(({ path, text }) => /^export default/m.test(text) && !path.startsWith("ui/")).map((f) => f.path),
  ).toEqual([]);
  const exits = product.filter(({ text }) => /process\.exit\(/.test(withoutComments(text))).map(({ path }) => path);
  expect(exits).toEqual(["main.ts"]);
});

test("no file is named for nothing", () => {
  const vague = /(^|[/_-])(utils?|helpers?|common|misc|managers?|services?)([._/-]|$)/;
  expect(sources.map(({ path }) => path).filter((path) => vague.test(path))).toEqual([]);
});

function importsOf(path: string, text: string): readonly { target: string }[] {
  const { module } = parseSync(path, text);
  const specifiers = [
    ...module.staticImports.map((found) => found.moduleRequest.value),
    ...module.staticExports.flatMap((found) => found.entries.map((entry) => entry.moduleRequest?.value ?? "")),
    ...module.dynamicImports.map((found) => text.slice(found.moduleRequest.start + 1, found.moduleRequest.end - 1)),
  ];
  return [...new Set(specifiers)].filter((name) => name.startsWith("."))
    .map((name) => ({ target: normalize(join(dirname(path), name)) }));
}

function roomOf(path: string): string {
  const folder = dirname(path);
  const rooms = Object.keys(mayImport).sort((a, b) => b.length - a.length);
  return rooms.find((room) => folder === room || folder.startsWith(`${room}/`)) ?? folder.split("/")[0] ?? "";
}

function arrowAllows(from: string, to: string): boolean {
  if (from === to || from === ".") return true;
  return mayImport[from]?.includes(to) ?? false;
}

function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const seen = trail.indexOf(path);
    if (seen >= 0) {
      cycles.push([...trail.slice(seen), path].join(" → "));
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return cycles;
}

function longFunctions(path: string, text: string): readonly string[] {
  const long: string[] = [];
  const lineOf = (offset: number) => text.slice(0, offset).split("\n").length;
  const check = (node: { start: number; end: number }) => {
    const first = lineOf(node.start);
    const lines = lineOf(node.end) - first + 1;
    if (lines > FUNCTION_LINES_MAX) long.push(`${path}:${first} (${lines} lines)`);
  };
  const visitor = new Visitor({
    FunctionDeclaration: check,
    FunctionExpression: check,
    ArrowFunctionExpression: check,
  });
  visitor.visit(parseSync(path, text).program);
  return long;
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}
