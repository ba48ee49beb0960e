// Errors that pdserve itself answers: the API's own shape, plus who says it and which leg it is about.

import type { ApiKind } from "../kv/connector.ts";
import { toResponse } from "./listen/answer_of.ts";
import type { Answer } from "./listen/client_request.ts";

export type Phase =
  | "queue"
  | "worker queue"
  | "handoff window"
  | "connect"
  | "encode"
  | "prefill"
  | "arrival"
  | "first token"
  | "stream"
  | "whole request";

export interface OwnError {
  readonly status: number;
  /** For people: what happened, to which worker. */
  readonly message: string;
  readonly leg?: "encode" | "prefill" | "decode" | "whole";
  /** Where in the request's life a limit passed. */
  readonly phase?: Phase;
  readonly retryAfterSeconds?: number;
  /** `invalid_prompt`, …: only where a client could act on it. */
  readonly param?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const typeOfStatus: Readonly<Record<number, string>> = {
  400: "BadRequestError",
  401: "AuthenticationError",
  404: "NotFoundError",
  405: "MethodNotAllowedError",
  408: "RequestTimeoutError",
  413: "RequestTooLargeError",
  429: "RateLimitError",
  502: "BadGatewayError",
  503: "ServiceUnavailableError",
  504: "GatewayTimeoutError",
};

/** vLLM's envelope (`message`, `type`, `param`, `code`) with `src` and what is known of the failure; Anthropic's on its route. */
export function errorBody(error: OwnError, api: ApiKind | null = null): string {
  const body = {
    message: error.message,
    type: typeOfStatus[error.status] ?? "InternalServerError",
    param: error.param ?? null,
    code: error.status,
    src: "pdserve",
    ...(error.leg && { leg: error.leg }),
    ...(error.phase && { phase: error.phase }),
  };
  return JSON.stringify(api === "messages" ? { type: "error", error: body } : { error: body });
}

/** As an answer to the client. */
export function errorAnswer(error: OwnError, requestId: string, api: ApiKind | null = null): Answer {
  const fields: [string, string][] = [
    ["content-type", "application/json"],
    ["x-request-id", requestId],
    ...Object.entries(error.headers ?? {}),
  ];
  if (error.retryAfterSeconds !== undefined) fields.push(["retry-after", String(error.retryAfterSeconds)]);
  return { status: error.status, fields, body: errorBody(error, api) };
}

export function errorResponse(error: OwnError, requestId: string, api: ApiKind | null = null): Response {
  return toResponse(errorAnswer(error, requestId, api));
}

/** How an error is told inside a stream that has begun; afterwards the stream ends as a finished one would. */
export function errorEvent(error: OwnError, api: ApiKind): string {
  const body = errorBody(error, api);
  if (api === "messages" || api === "responses") return `event: error\ndata: ${body}\n\n`;
  return `data: ${body}\n\ndata: [DONE]\n\n`;
}
