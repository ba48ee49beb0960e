// Which connectors go together in a MultiConnector.

import type { Child } from "./multi_children.ts";
import { error, type Rule, warning } from "./pair_rules.ts";

export function multiRules(children: readonly Child[]): Rule {
  return (topology, name) => [oneHandsOver, itComesFirst].flatMap((rule) => rule(children)(topology, name));
}

/** Both would put their params into one object, and vLLM ends where names clash. */
function oneHandsOver(children: readonly Child[]): Rule {
  const several = children.filter(withParams).map(({ connector }) => connector.name);
  return (_, name) =>
    several.length < 2 ? [] : [error(
      `${name} cannot hand over with ${several.join(" and ")}`,
      "both would read and write the same kv_transfer_params",
      `keep one of them in "connectors"`,
    )];
}

function itComesFirst(children: readonly Child[]): Rule {
  const at = children.findIndex(withParams);
  const before = children.slice(0, Math.max(0, at)).map(({ connector }) => connector.name);
  return (_, name) =>
    before.length === 0 ? [] : [warning(
      `${name} asks ${before.join(" and ")} before ${children[at]?.connector.name}`,
      "the first that has tokens loads them, so a cache in front takes the place of the handoff",
      `put ${children[at]?.connector.name} first in "connectors"`,
    )];
}

function withParams({ connector }: Child): boolean {
  return connector.cannotHandOver === undefined && connector.shape !== "plain-two-step";
}
