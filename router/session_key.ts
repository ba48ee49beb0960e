// Which requests belong together: what clients of SMG, vllm-router, vime, slime and PRIME-RL send to say so.

import type { Ask } from "./read_ask.ts";

/** The first that is there counts; then `session_id` or `user` of the body. */
const headers = ["x-smg-routing-key", "x-session-id", "x-correlation-id"];

export function sessionKeyOf(ask: Ask): string | null {
  for (const wanted of headers) {
    for (const [name, value] of ask.headers) if (name === wanted && value !== "") return value;
  }
  return ask.facts.sessionKey;
}
