// What may differ between a recording and the simulator, replaced by a mark; all else must be equal, order of members too.

type Value = null | boolean | number | string | Value[] | { [key: string]: Value };

/** Body of an answer, whole or as server-sent events, without ids, times and what the model says. */
export function maskBody(body: string, contentType: string): unknown {
  if (!contentType.startsWith("text/event-stream")) return contentType.includes("json") ? maskJson(body) : body;
  const frames = body.trimEnd().split("\n\n").map(maskFrame);
  // Choices of n > 1 come in any order; each one's frames come in its own.
  return frames.map((frame, at) => ({ frame, at, choice: choiceOf(frame) }))
    .sort((a, b) => (a.choice ?? -1) - (b.choice ?? -1) || a.at - b.at)
    .map(({ frame }) => frame);
}

export function maskHeaders(headers: ReadonlyMap<string, string>): Record<string, string> {
  const changing: Record<string, string> = { date: "<date>", "content-length": "<bytes>" };
  const shown = [...headers].filter(([name]) => name !== "connection");
  return Object.fromEntries(shown.map(([name, value]) => [name, changing[name] ?? value]).sort());
}

function maskFrame(frame: string): unknown {
  return frame.split("\n").map((line) => {
    const json = /^data: (\{.*)$/.exec(line);
    return json ? { data: maskJson(json[1]!) } : line;
  });
}

function choiceOf(frame: unknown): number | null {
  const found = /"index",(\d+)/.exec(JSON.stringify(frame));
  return found && JSON.stringify(frame).includes('"choices"') ? Number(found[1]) : null;
}

/** Objects become lists of name and value, so that the order of members counts. */
function maskJson(text: string): unknown {
  return mask(JSON.parse(text) as Value, "");
}

function mask(value: Value, name: string): unknown {
  const special = masked[name]?.(value);
  if (special !== undefined) return special;
  if (typeof value === "string") return maskIds(value);
  if (Array.isArray(value)) return value.map((item) => mask(item, ""));
  if (value === null || typeof value !== "object") return value;
  return Object.entries(value).flatMap(([key, item]) => [key, mask(item, key)]);
}

const time = (value: Value) => (typeof value === "number" ? "<time>" : undefined);
const said = (value: Value) => (typeof value === "string" ? "<said>" : undefined);
const saidIds = (value: Value) => (Array.isArray(value) ? value.map(() => "<token>") : undefined);
const list = (value: Value) => (Array.isArray(value) ? value : []);

const masked: Readonly<Record<string, (value: Value) => unknown>> = {
  created: time,
  created_at: time,
  text: said,
  content: said,
  delta: said,
  token: said,
  token_ids: saidIds,
  bytes: (value) => (Array.isArray(value) ? "<bytes>" : undefined),
  logprob: () => "<logprob>",
  rank: () => "<rank>",
  text_offset: (value) => list(value).map(() => "<offset>"),
  token_logprobs: (value) => list(value).map((item) => (item === null ? null : "<logprob>")),
  tokens: (
    value,
  ) => (list(value).some((item) => typeof item === "string") ? list(value).map(() => "<said>") : undefined),
  // By token text in completions; how many there are depends on whether the chosen token is among the likeliest.
  top_logprobs: (value) =>
    Array.isArray(value) && !list(value).some((item) => JSON.stringify(item).includes('"token"'))
      ? value.map((item) => (item === null ? null : "<likely tokens>"))
      : undefined,
  prompt_logprobs: (value) =>
    Array.isArray(value) ? value.map((item) => (item === null ? null : "<likely tokens>")) : undefined,
  remote_block_ids: (value) => (value === null ? null : list(value).map((group) => list(group).length)),
  remote_port: (value) => (typeof value === "number" ? "<port>" : undefined),
  // How much of a prompt an earlier request had left in the cache is the recording's history.
  remote_prefill_cached_tokens: (value) => (typeof value === "number" ? "<cached>" : undefined),
};

/** Random ids, and the hash in the fingerprint. */
function maskIds(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<uuid>")
    .replaceAll(/[0-9a-f]{16}/g, "<id>")
    .replaceAll(/-[0-9a-f]{8}\b/g, "-<8>");
}
