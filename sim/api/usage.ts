// `usage` of answers and chunks.

import type { Finish } from "../engine/request.ts";
import type { JsonObject } from "../json.ts";
import type { ApiServer } from "./api_server.ts";

/** Nulls and all, as in a whole answer. */
export function fullUsage(
  server: ApiServer,
  promptTokens: number,
  generated: number,
  ends: readonly Finish[],
): JsonObject {
  const cached = ends.reduce((sum, { cachedTokens }) => sum + cachedTokens, 0);
  return {
    ...chunkUsage(promptTokens, generated),
    prompt_tokens_details: server.settings.switches.promptTokensDetails ? { cached_tokens: cached } : null,
    completion_tokens_details: null,
  };
}

/** Without nulls, as in stream chunks. */
export function chunkUsage(promptTokens: number, generated: number): JsonObject {
  return { prompt_tokens: promptTokens, total_tokens: promptTokens + generated, completion_tokens: generated };
}

export interface UsageWish {
  readonly atEnd: boolean;
  readonly always: boolean;
}

export function usageWish(server: ApiServer, body: JsonObject): UsageWish {
  const options = body["stream_options"];
  const asked = typeof options === "object" && options !== null && !Array.isArray(options) ? options : {};
  const forced = server.settings.switches.forceIncludeUsage;
  const atEnd = asked["include_usage"] === true || forced;
  return { atEnd, always: atEnd && (asked["continuous_usage_stats"] === true || forced) };
}
