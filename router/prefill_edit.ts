// What the prefill leg of every connector asks for: one token, not streamed, nothing that is only about the answer.

import type { Json } from "../kv/json.ts";
import { type LegEdit, mergeEdits } from "../kv/leg_edit.ts";
import { keepText } from "./body/apply_edit.ts";
import type { Route } from "./routes.ts";

/** A client never says where KV comes from: an engine dies of wrong params, or connects to where they point. */
export const clientKvMembers = ["kv_transfer_params", "ec_transfer_params"] as const;

export const withoutClientKv: LegEdit = { set: {}, drop: clientKvMembers, headers: {} };

/**
 * `stream_options` without `stream` is a 400, `min_tokens` above the one token too; the others only cost time for an
 * answer nobody reads. Members that change how the prompt is rendered stay: both legs must see the same prompt.
 */
const aboutTheAnswer = [
  "stream_options",
  "min_tokens",
  "min_completion_tokens",
  "best_of",
  "logprobs",
  "top_logprobs",
  "echo",
  "return_token_ids",
];

/** One per route, made once: an edit is the same for all requests but for what the connector adds. */
export function prefillEditOf(route: Route): LegEdit {
  const set: Record<string, Json> = { stream: false };
  if (route.samplingIn === undefined) { for (const name of route.tokenLimits) set[name] = 1; }
  if (route.api === "responses") set.store = false;
  return { set, drop: [...clientKvMembers, ...aboutTheAnswer], headers: {} };
}

/** The same inside the member that holds the route's sampling fields. */
export function prefillSamplingEdit({ tokenLimits }: Route): LegEdit {
  return { set: Object.fromEntries(tokenLimits.map((name) => [name, 1])), drop: aboutTheAnswer, headers: {} };
}

/** Most connectors ask the same of each prefill, as the same object: then the whole edit is made once. */
export function editForPrefill(common: LegEdit, connector: LegEdit): LegEdit {
  return made.get(common)?.get(connector) ?? makeEdit(common, connector);
}

const made = new WeakMap<LegEdit, WeakMap<LegEdit, LegEdit>>();

function makeEdit(common: LegEdit, connector: LegEdit): LegEdit {
  const edit = keepText(mergeEdits(common, connector));
  const byConnector = made.get(common) ?? new WeakMap<LegEdit, LegEdit>();
  made.set(common, byConnector.set(connector, edit));
  return edit;
}

/** The client's request with its KV members replaced by the connector's. */
export function editForDecode(connector: LegEdit): LegEdit {
  // What is set is cut from the client's anyway; a merge would only name it once less.
  if (connector.drop.length === 0) return { ...connector, drop: clientKvMembers };
  return mergeEdits(withoutClientKv, connector);
}
