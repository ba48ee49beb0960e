// What may differ between a recording and the simulator, replaced by a mark; all else must be equal, order of members too.

type Value = null | boolean | number | string | Value[] | { [key: string]: Value };

export function maskAnswer(body: string, type: string): unknown {
  if (type.startsWith("text/event-stream")) {
    const events = body.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
    return summary(events.map((event) => event === "[DONE]" ? event : mask(JSON.parse(event), "")));
  }
  return type.includes("json") ? mask(JSON.parse(body), "") : body.trimEnd();
}

/** How many events a text takes, and which of two prompts is faster, depends on time; the kinds of events do not. */
function summary(events: readonly unknown[]): unknown {
  const texts = events.map((event) => JSON.stringify(event));
  return [...new Set(texts)].sort().map((text) => JSON.parse(text));
}

function mask(value: Value, name: string): unknown {
  const special = masked[name]?.(value);
  if (special !== undefined) return special;
  if (typeof value === "number" && /(_time|_ts|latency|_wait|throughput)$/.test(name)) return "<time>";
  if (typeof value === "string") return maskText(value);
  if (Array.isArray(value)) return value.map((item) => mask(item, ""));
  if (value === null || typeof value !== "object") return value;
  return Object.entries(value).flatMap(([key, item]) => [key, mask(item, key)]);
}

const said = (value: Value) => typeof value === "string" && value !== "" ? "<said>" : undefined;
const number = (mark: string) => (value: Value) => typeof value === "number" ? mark : undefined;

const masked: Readonly<Record<string, (value: Value) => unknown>> = {
  created: number("<time>"),
  text: (value) => typeof value === "string" ? "<said>" : undefined,
  content: said,
  token: said,
  // A stream's growing texts differ in length only.
  output_ids: (value) => Array.isArray(value) ? value.length === 0 ? [] : ["<token>"] : undefined,
  completion_tokens: number("<count>"),
  total_tokens: number("<count>"),
  output_token_logprobs_length: number("<count>"),
  output_token_logprobs: () => "<rows>",
  logprob: () => "<logprob>",
  bytes: () => "<bytes>",
  token_logprobs: (value) => (value as Value[]).length,
  tokens: (value) =>
    (value as Value[]).some((item) => typeof item === "string") ? (value as Value[]).length : undefined,
  // The token of a prompt's row is its own; how likely it was is the model's.
  input_token_logprobs: (value) =>
    (value as Value[]).map((row) => (row as Value[]).map((item, at) => at === 0 && item !== null ? "<logprob>" : item)),
  top_logprobs: (value) =>
    (value as Value[]).map((item) =>
      Array.isArray(item) || item === null ? item : "token" in (item as object) ? mask(item, "") : "<likely>"
    ),
  // How much of a prompt an earlier request had left in the cache is the recording's history.
  cached_tokens: () => "<cached>",
  cached_tokens_details: () => "<cached>",
  end: number("<count>"),
  length: (value) => typeof value === "number" && value > 0 ? "<count>" : undefined,
};

/** Ids, rooms, and time limits, which tests make short. */
function maskText(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{32}/g, "<id>")
    .replaceAll(/bootstrap_room=\d+/g, "bootstrap_room=<room>")
    .replaceAll(/Request \d+ timed out after [\d.]+s/g, "Request <room> timed out after <limit>")
    .replaceAll(/^\$ROOT\/tiny$/g, "tiny");
}
