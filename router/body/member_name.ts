// The names that requests and answers use, told by their bytes: no text is made of one that everybody writes, and the
// text is always the same object, which compares and hashes fastest.

const names = [
  ...[
    "model",
    "messages",
    "prompt",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
  ],
  ...["temperature", "top_p", "top_k", "min_p", "n", "stop", "seed", "user", "session_id", "priority", "logprobs"],
  ...[
    "top_logprobs",
    "prompt_logprobs",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "best_of",
    "echo",
  ],
  ...[
    "min_tokens",
    "ignore_eos",
    "tools",
    "tool_choice",
    "response_format",
    "parallel_tool_calls",
    "metadata",
    "input",
  ],
  ...["instructions", "system", "reasoning_effort", "sampling_params", "kv_transfer_params", "ec_transfer_params"],
  ...["id", "object", "created", "choices", "usage", "system_fingerprint", "service_tier", "prompt_token_ids"],
];

/** By length; within one, the last byte nearly always tells them apart. */
const byLength = Map.groupBy(names, ({ length }) => length);

/** The name that stands at these bytes, one of those above; null for any other, and for what has an escape. */
export function knownName(bytes: Uint8Array, start: number, end: number): string | null {
  const candidates = byLength.get(end - start);
  if (candidates === undefined) return null;
  for (const name of candidates) if (isAt(bytes, start, name)) return name;
  return null;
}

function isAt(bytes: Uint8Array, start: number, name: string): boolean {
  for (let i = name.length - 1; i >= 0; i--) if (bytes[start + i] !== name.charCodeAt(i)) return false;
  return true;
}
