// Chat messages to prompt tokens, and the refusals of conversations that no template takes.

import { badRequest, type Reply } from "../http/reply.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import { type ChatMessage, encode, renderChat } from "../tokenizer.ts";
import { mediumHash } from "./encoded_media.ts";
import type { ApiServer } from "./api_server.ts";

export function chatPromptIds(server: ApiServer, body: JsonObject): readonly number[] | Reply {
  const messages = Array.isArray(body["messages"]) ? body["messages"].map(chatMessage) : [];
  if (messages.length === 0) {
    const text = "Cannot apply chat template to an empty conversation. Provide at least one message.";
    server.log.line("APIServer", "WARNING", "hf.py:839", `Chat template rejected the request: ${text}`);
    return badRequest(text);
  }
  const prefilled = reusedTokens(body);
  return prefilled ?? encode(renderChat(messages, body["add_generation_prompt"] !== false));
}

function chatMessage(message: Json): ChatMessage {
  if (!isObject(message)) return { role: "user", content: "" };
  return { role: String(message["role"] ?? "user"), content: contentText(message["content"] ?? null) };
}

/** Text parts are joined; an image or sound stands for itself by its hash; other parts have no text. */
export function contentText(content: Json): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part) => {
    const medium = mediumHash(part);
    if (medium !== null) return `<${medium}>`;
    return isObject(part) && typeof part["text"] === "string" ? part["text"] : "";
  }).join("\n");
}

/** A decode leg may bring the prefill leg's tokens along (vLLM #48145). */
function reusedTokens(body: JsonObject): readonly number[] | null {
  const params = body["kv_transfer_params"];
  const ids = isObject(params) ? params["prompt_token_ids"] : null;
  return Array.isArray(ids) && ids.length > 0 ? ids.map(Number) : null;
}
