// What a route answers with, before it becomes bytes.

import type { Json } from "../json.ts";

export type Reply =
  | {
    readonly kind: "whole";
    readonly status: number;
    readonly type: string | null;
    readonly body: string;
    readonly headers?: Readonly<Record<string, string>>;
  }
  /** `frames` are complete server-sent events. */
  | { readonly kind: "stream"; readonly frames: AsyncIterable<string> };

export function jsonReply(status: number, value: Json): Reply {
  return textReply(status, "application/json", JSON.stringify(value));
}

export function textReply(status: number, type: string | null, body: string): Reply {
  return { kind: "whole", status, type, body };
}

/** vLLM's error envelope. */
export function errorReply(status: number, message: string, type: string, param: string | null = null): Reply {
  return jsonReply(status, errorBody(status, message, type, param));
}

export function errorBody(status: number, message: string, type: string, param: string | null = null) {
  return { error: { message, type, param, code: status } };
}

/** A refused value: 400, and the text names the parameter the way VLLMValidationError does. */
export function badRequest(message: string, parameter: string | null = null, value?: Json): Reply {
  if (parameter === null) return errorReply(400, message, "BadRequestError");
  const shown = value === undefined ? "" : `, value=${value}`;
  return errorReply(400, `${message} (parameter=${parameter}${shown})`, "BadRequestError", parameter);
}

export const ENGINE_DEAD = "EngineCore encountered an issue. See stack trace (above) for the root cause.";

/** The two ways a request can fail inside the engine. */
export function failureMessage(cause: "engine_dead" | "kv_load"): string {
  return cause === "engine_dead" ? ENGINE_DEAD : "Internal server error";
}
