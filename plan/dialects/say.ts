// A value of a file as what pdserve's own setting of that meaning says.

import type { Saying } from "../layer.ts";
import type { Sourced } from "../spec.ts";

/** Nothing where the file says nothing. */
export function say(key: Saying["key"], said: Sourced<string | number | boolean> | null): readonly Saying[] {
  return said === null ? [] : [{ key, text: String(said.value), origin: said.origin }];
}
