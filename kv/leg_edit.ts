// What one leg changes in the client's request, as data; router/body turns it into bytes.

import type { Json, RawJson } from "./json.ts";

export interface LegEdit {
  /** Top-level members to write; they replace the client's of the same name. */
  readonly set: Readonly<Record<string, Json | RawJson>>;
  /** Top-level members to remove. */
  readonly drop: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

export const noEdit: LegEdit = { set: {}, drop: [], headers: {} };

/** Both edits as one; where they disagree, `second` wins (a member it sets is not dropped by `first`, and the reverse). */
export function mergeEdits(first: LegEdit, second: LegEdit): LegEdit {
  const set = { ...first.set };
  for (const name of second.drop) delete set[name];
  Object.assign(set, second.set);
  const drop = [...new Set([...first.drop, ...second.drop])].filter((name) => !(name in set));
  return { set, drop, headers: { ...first.headers, ...second.headers } };
}
