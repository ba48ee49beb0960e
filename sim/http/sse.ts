// Server-sent events as vLLM writes them.

import type { Json } from "../json.ts";
import { errorBody, failureMessage } from "./reply.ts";

export const DONE_FRAME = "data: [DONE]\n\n";

export function dataFrame(value: Json): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

export function eventFrame(event: string, text: string): string {
  return `event: ${event}\ndata: ${text}\n\n`;
}

/** An error in the middle of a stream is Python's `json.dumps`: spaces after colons and commas. */
export function failureFrame(cause: "engine_dead" | "kv_load"): string {
  const { error } = errorBody(500, failureMessage(cause), "InternalServerError");
  const members = Object.entries(error).map(([name, value]) => `"${name}": ${JSON.stringify(value)}`);
  return `data: {"error": {${members.join(", ")}}}\n\n`;
}
