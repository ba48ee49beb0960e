// Values of a TOML tree by their path, each of the type wanted, wrong ones told with their line.

import type { Problem } from "../../problem.ts";
import type { Sourced } from "../../spec.ts";
import { errorAt } from "../tell.ts";
import { find, plainOf, type TomlTable } from "./toml_tree.ts";

/** Each gives null where nothing is said, or something wrong, which is then among the problems. */
export interface TomlValues {
  text(path: string): Sourced<string> | null;
  /** From `least`, 1 when not said. */
  whole(path: string, least?: number): Sourced<number> | null;
  truth(path: string): Sourced<boolean> | null;
  /** GPU ids, as text. */
  ids(path: string): Sourced<readonly string[]> | null;
  port(path: string): Sourced<number> | null;
}

export function tomlValues(tree: TomlTable, problems: Problem[]): TomlValues {
  const value = <T>(path: string, fits: (value: unknown) => T | null, must: string, example: string) => {
    const node = find(tree, path);
    const plain = node === null ? null : plainOf(node);
    if (node === null || plain === null) return null;
    const read = fits(plain);
    if (read !== null) return { value: read, origin: node.origin };
    const key = path.split(".").at(-1);
    const what = `${path} cannot be ${JSON.stringify(plain)}`;
    problems.push(errorAt(node.origin, { what, why: must, fix: `${key} = ${example}` }));
    return null;
  };
  const whole = (from: number, to = Infinity) => (plain: unknown) =>
    Number.isInteger(plain) && Number(plain) >= from && Number(plain) <= to ? Number(plain) : null;
  return {
    text: (path) => value(path, (plain) => typeof plain === "string" ? plain : null, "it must be text", '"…"'),
    whole: (path, least = 1) =>
      value(path, whole(least), `it must be a whole number from ${least}`, String(Math.max(least, 1))),
    truth: (path) => value(path, (plain) => typeof plain === "boolean" ? plain : null, "it is true or false", "true"),
    ids: (path) => value(path, idList, "it must be a list of GPU numbers, each once", "[0, 1]"),
    port: (path) => value(path, whole(1, 65_535), "a port is a whole number from 1 to 65535", "8000"),
  };
}

function idList(plain: unknown): readonly string[] | null {
  if (!Array.isArray(plain)) return null;
  const fits = plain.every((id) => Number.isInteger(id) && Number(id) >= 0);
  return fits && new Set(plain).size === plain.length ? plain.map(String) : null;
}
