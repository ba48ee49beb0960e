// Health, version, models, tokenizer and the other routes that need no engine step.

import { readBody } from "../http/read_body.ts";
import { errorReply, jsonReply, type Reply, textReply } from "../http/reply.ts";
import type { JsonObject } from "../json.ts";
import { metricsPage } from "../metrics/metrics_page.ts";
import { decode, encode, tokenText } from "../tokenizer.ts";
import type { Call } from "./api_server.ts";
import { chatPromptIds } from "./chat_prompt.ts";

/** 200 while the engine lives, however hung it is. */
export function health({ server }: Call): Reply {
  return textReply(server.engines.some(({ dead }) => dead) ? 503 : 200, null, "");
}

export function version({ server }: Call): Reply {
  return jsonReply(200, { version: server.settings.vllmVersion });
}

/** Stays 0 without --enable-server-load-tracking. */
export function load(): Reply {
  return jsonReply(200, { server_load: 0 });
}

export function kvEventSources(): Reply {
  return jsonReply(200, {});
}

export function metrics({ server }: Call): Reply {
  for (const engine of server.engines) engine.showCounts();
  const numbers = server.engines.map((engine) => engine.metrics);
  const page = metricsPage(server.settings, server.families, numbers, server.httpMetrics);
  return textReply(200, "text/plain; version=1.0.0; charset=utf-8", page);
}

export function models({ server }: Call): Reply {
  const { settings, now, randomHex } = server;
  const created = Math.floor(now() / 1000);
  const permission = (): JsonObject => ({
    id: `modelperm-${randomHex(16)}`,
    object: "model_permission",
    created,
    allow_create_engine: false,
    allow_sampling: true,
    allow_logprobs: true,
    allow_search_indices: false,
    allow_view: true,
    allow_fine_tuning: false,
    organization: "*",
    group: null,
    is_blocking: false,
  });
  const data = settings.servedNames.map((id): JsonObject => ({
    id,
    object: "model",
    created,
    owned_by: "vllm",
    root: settings.model,
    parent: null,
    max_model_len: settings.maxModelLen,
    permission: [permission()],
  }));
  return jsonReply(200, { object: "list", data });
}

export function tokenize(call: Call): Reply {
  const read = readBody(call.bodyText, call.headers.get("content-type"), { prompt: { type: "str" } });
  if (read.kind === "refused") return read.reply;
  const { body } = read;
  const ids = typeof body["prompt"] === "string" ? encode(body["prompt"]) : chatPromptIds(call.server, body);
  if ("kind" in ids) return ids;
  return jsonReply(200, {
    count: ids.length,
    max_model_len: call.server.settings.maxModelLen,
    tokens: [...ids],
    token_strs: body["return_token_strs"] === true ? ids.map(tokenText) : null,
  });
}

export function detokenize(call: Call): Reply {
  const read = readBody(call.bodyText, call.headers.get("content-type"), { tokens: { type: "list", required: true } });
  if (read.kind === "refused") return read.reply;
  const { tokens } = read.body;
  return jsonReply(200, { prompt: decode(Array.isArray(tokens) ? tokens.map(Number) : []) });
}

export function scaleOutDisabled(): Reply {
  const text = "Scale-out endpoints are disabled. Restart vllm serve with --enable-scale-out to enable them.";
  return errorReply(403, text, "PermissionDeniedError");
}

export function resetPrefixCache({ server }: Call): Reply {
  for (const engine of server.engines) engine.pool.forgetNames();
  return jsonReply(200, { success: true });
}
