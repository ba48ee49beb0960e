// Every route of a simulated SGLang, and what it answers to what it cannot read.

import type { Worker } from "./generate.ts";
import { encodeElsewhere, mediaOf } from "./media.ts";
import { type Api, readAsk } from "./requests.ts";
import { json, type Reply, serveGeneration } from "./serve_generation.ts";
import { encode } from "../tokenizer.ts";

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  readonly text: string;
  readonly left: AbortSignal;
  readonly newId: () => string;
}

type Body = Readonly<Record<string, unknown>>;
type Handler = (worker: Worker, body: Body, call: Call) => Reply | Promise<Reply>;

export function answer(call: Call, worker: Worker): Reply | Promise<Reply> {
  const allowed = Object.keys(routes).filter((route) => route.endsWith(` ${call.path}`));
  const handler = routes[`${call.method} ${call.path}`];
  if (handler === undefined) {
    return json(allowed.length > 0 ? 405 : 404, { detail: allowed.length > 0 ? "Method Not Allowed" : "Not Found" });
  }
  if (call.method === "GET") return handler(worker, {}, call);
  const read = readBody(call);
  return "reply" in read ? read.reply : handler(worker, read.body, call);
}

const generating = (api: Api): Handler => async (worker, body, call) => {
  if (worker.settings.encoderOnly) return json(404, { detail: "Not Found" });
  const noTower = api === "chat" ? await whyNotEncoded(worker, body, call) : null;
  if (noTower !== null) return refusal(api, noTower);
  const ask = readAsk(api, body, worker.settings);
  if (!("message" in ask)) {
    if (ask.rid !== null && worker.running.has(ask.rid)) {
      return refusal(api, `Duplicate request ID detected: ${ask.rid}`);
    }
    return serveGeneration(ask, worker, call.newId, call.left);
  }
  const ended = ask.message.endsWith("req.rid='") ? `${ask.message}${call.newId()}'` : ask.message;
  return body.stream === true && api === "generate" ? refusalEvents(ended) : refusal(api, ended);
};

/** Decode never looks at a medium: it gets the prompt's KV. */
async function whyNotEncoded({ settings, media }: Worker, body: Body, { newId }: Call): Promise<string | null> {
  const found = mediaOf((body.messages ?? []) as Parameters<typeof mediaOf>[0]);
  if (found.length === 0 || settings.mode === "decode") return null;
  if (!settings.languageOnly) {
    media.computed += found.length;
    return null;
  }
  const why = await encodeElsewhere(found, settings, newId());
  if (why === null) media.loaded += found.length;
  return why;
}

/** What the language worker then gets over ZeroMQ is not played. */
const encodeMedia: Handler = ({ settings, media }, { mm_items, req_id }) => {
  if (!settings.encoderOnly) return json(404, { detail: "Not Found" });
  if (!Array.isArray(mm_items) || typeof req_id !== "string") {
    return json(400, { status: "error", message: "mm_items must be a non-empty list", req_id: req_id ?? null });
  }
  media.encoded += mm_items.length;
  return json(200, null);
};

const done = (body: string | null, type: string | null = null): Reply => {
  return { is: "whole", status: 200, type, body: body ?? "" };
};

const empty: Handler = () => done(null);

const abort: Handler = ({ running }, { rid, abort_all }) => {
  if (rid !== undefined && typeof rid !== "string") return invalid("string_type", ["body", "rid"]);
  for (const [id, signal] of running) {
    if (abort_all === true || (rid !== undefined && id.startsWith(String(rid)))) signal.abort();
  }
  return done(null);
};

/** Health makes a token, which this one's counters do not tell. */
const routes: Readonly<Record<string, Handler>> = {
  "POST /generate": generating("generate"),
  "POST /v1/completions": generating("completions"),
  "POST /v1/chat/completions": generating("chat"),
  "POST /encode": encodeMedia,
  "GET /sim/state": ({ media }) => json(200, { media }),
  "GET /health": empty,
  "GET /health_generate": empty,
  "GET /ping": empty,
  "GET /": () => json(200, "SGLang is running"),
  "GET /v1/models": ({ settings }) => json(200, { object: "list", data: [modelCard(settings)] }),
  "GET /model_info": (worker) => json(200, modelInfo(worker)),
  "GET /get_model_info": (worker) => json(200, modelInfo(worker)),
  "GET /server_info": (worker) => json(200, serverInfo(worker)),
  "GET /get_server_info": (worker) => json(200, serverInfo(worker)),
  "GET /metrics": ({ counters }) => done(counters.text(), "text/plain; version=0.0.4; charset=utf-8"),
  "POST /flush_cache": ({ counters }) =>
    counters.running > 0 ? { ...flushed(), status: 400, body: "Flush cache failed.\n" } : flushed(),
  "GET /flush_cache": () => flushed(),
  "POST /abort_request": abort,
  "POST /pause_generation": () => json(200, { message: "Generation paused successfully.", status: "ok" }),
  "POST /continue_generation": () => json(200, { message: "Generation continued successfully.", status: "ok" }),
  "POST /release_memory_occupation": () => json(200, null),
  "POST /resume_memory_occupation": () => json(200, null),
  "POST /update_weight_version": (worker, { new_version }) => {
    worker.weightVersion = String(new_version);
    return json(200, { success: true, message: `Weight version updated to ${new_version}`, new_version });
  },
  "POST /update_weights_from_disk": (worker, { weight_version }) => {
    if (weight_version !== undefined) worker.weightVersion = String(weight_version);
    const version = weight_version === undefined ? "" : ` Weight version updated to ${weight_version}.`;
    const message = `Succeeded to update model weights.${version}`;
    return json(200, { success: true, message, num_paused_requests: 0 });
  },
  "POST /tokenize": (_, { prompt }) => {
    const tokens = encode(String(prompt));
    return json(200, { tokens, count: tokens.length, max_model_len: 2048 });
  },
};

function flushed(): Extract<Reply, { is: "whole" }> {
  const text =
    "Cache flushed.\nPlease check backend logs for more details. (When there are running or waiting requests, the " +
    "operation will not be performed.)\n";
  return { is: "whole", status: 200, type: null, body: text };
}

function modelCard({ servedModelName, contextLength }: Worker["settings"]): Body {
  return {
    ...{ id: servedModelName, object: "model", created: Math.floor(Date.now() / 1000), owned_by: "sglang" },
    ...{ root: servedModelName, parent: null, max_model_len: contextLength },
  };
}

function modelInfo({ settings, weightVersion }: Worker): Body {
  return {
    ...{
      model_path: settings.modelPath,
      served_model_name: settings.servedModelName,
      tokenizer_path: settings.modelPath,
    },
    ...{ is_generation: true, preferred_sampling_params: null, weight_version: weightVersion, load_format: "auto" },
    ...{ reasoning_parser: null, tool_call_parser: null, disaggregation_mode: settings.mode },
    ...{ has_image_understanding: false, has_audio_understanding: false, model_type: "llama" },
    architectures: ["LlamaForCausalLM"],
  };
}

function serverInfo(worker: Worker): Body {
  const { mode, bootstrapPort, backend, contextLength } = worker.settings;
  return {
    ...modelInfo(worker),
    ...{ disaggregation_bootstrap_port: bootstrapPort, disaggregation_transfer_backend: backend },
    ...{ disaggregation_mode: mode, context_length: contextLength, version: "0.5.23" },
  };
}

function readBody({ text, contentType, path }: Call): { body: Body } | { reply: Reply } {
  if (text === "") return generates(path) ? { reply: invalid("missing", ["body"]) } : { body: {} };
  if (generates(path) && !contentType.startsWith("application/json")) {
    return { reply: invalid("value_error", ["header"]) };
  }
  try {
    const body = JSON.parse(text);
    if (typeof body !== "object" || body === null || Array.isArray(body)) {
      return { reply: invalid("dataclass_type", ["body"]) };
    }
    if (path === "/v1/chat/completions" && body.messages === undefined) {
      return { reply: invalid("missing", ["body", "messages"]) };
    }
    return typeof body.bootstrap_room === "string"
      ? { reply: invalid("int_parsing", ["body", "bootstrap_room"]) }
      : { body };
  } catch {
    return { reply: invalid("json_invalid", ["body"]) };
  }
}

function generates(path: string): boolean {
  return path === "/generate" || path === "/v1/completions" || path === "/v1/chat/completions";
}

/** What FastAPI finds wrong. The real text goes on with the file and line of the route. */
function invalid(type: string, where: readonly string[]): Reply {
  const message = `1 validation error:\n  {'type': '${type}', 'loc': (${where.map((one) => `'${one}'`).join(", ")})}`;
  return json(400, { object: "error", message, type: "Bad Request", param: null, code: 400 });
}

function refusal(api: Api, message: string): Reply {
  if (api === "generate") return json(400, { error: { message } });
  return json(400, { object: "error", message, type: "BadRequestError", param: null, code: 400 });
}

/** A stream of /generate has sent its status before it looks. */
function refusalEvents(message: string): Reply {
  const error = { message, type: "invalid_request_error", code: 400, retryable: false };
  const events = (async function* () {
    yield `data: ${JSON.stringify({ error })}\n\n`;
    yield "data: [DONE]\n\n";
  })();
  return { is: "events", events };
}
