// Anchors, aliases and merge keys (`<<: *common`) put in the place where they count, so that readers of a map see all its keys.

import { type Document, isAlias, isMap, isNode, isPair, isScalar, isSeq, type Node, type YAMLMap } from "yaml";

/** More nodes than any real file has: a few lines of aliases of aliases can stand for billions. */
const nodesMax = 100_000;

export interface AliasProblem {
  readonly why: string;
  readonly at: Node;
}

interface Walk {
  readonly anchors: Map<string, Node>;
  /** How many nodes each stands for, aliases counted out. */
  readonly sizes: Map<Node, number>;
  readonly open: Set<Node>;
  problem: AliasProblem | null;
}

/** Changes the document; null when all is well, else why it cannot be read. */
export function resolveAliases(document: Document.Parsed): AliasProblem | null {
  const walk: Walk = { anchors: new Map(), sizes: new Map(), open: new Set(), problem: null };
  if (document.contents !== null) sizeOf(document.contents, walk);
  return walk.problem;
}

function sizeOf(node: Node, walk: Walk): number {
  const known = walk.sizes.get(node);
  if (known !== undefined) return known;
  if (walk.open.has(node)) {
    walk.problem ??= { why: "it stands for something that contains itself", at: node };
    return 0;
  }
  if (!isAlias(node) && node.anchor) walk.anchors.set(node.anchor, node);
  walk.open.add(node);
  let size = 1;
  if (isSeq(node)) {
    for (const [at, item] of node.items.entries()) {
      if (!isNode(item)) continue;
      node.items[at] = targetOf(item, walk);
      size += sizeOf(node.items[at] as Node, walk);
    }
  } else if (isMap(node)) {
    for (const pair of node.items) {
      if (!isNode(pair.value)) continue;
      pair.value = targetOf(pair.value, walk);
      size += sizeOf(pair.value as Node, walk);
    }
    if (walk.problem === null) mergeKeys(node);
  }
  walk.open.delete(node);
  walk.sizes.set(node, size);
  if (size > nodesMax) walk.problem ??= { why: `aliases make it stand for more than ${nodesMax} values`, at: node };
  return size;
}

function targetOf(node: Node, walk: Walk): Node {
  if (!isAlias(node)) return node;
  const target = walk.anchors.get(node.source);
  if (target === undefined) walk.problem ??= { why: `no anchor before it is called "${node.source}"`, at: node };
  return target ?? node;
}

/** Keys of the map itself win, and of several merged ones the first. */
function mergeKeys(map: YAMLMap): void {
  const merged = map.items.filter(({ key }) => isScalar(key) && key.value === "<<");
  map.items = map.items.filter((pair) => !merged.includes(pair));
  for (const { value } of merged) {
    for (const source of isSeq(value) ? value.items : [value]) {
      if (!isMap(source)) continue;
      for (const pair of source.items) if (isPair(pair) && !map.has(pair.key)) map.items.push(pair);
    }
  }
}
