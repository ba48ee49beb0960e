// Checks every generating route makes after its body has been read.

import type { Engine } from "../engine/engine.ts";
import { badRequest, errorReply, type Reply } from "../http/reply.ts";
import { isObject, type JsonObject } from "../json.ts";
import type { ApiServer, Call } from "./api_server.ts";
import { pickEngine } from "./generation.ts";

/** An engine to run on, or the refusal: unknown model, rank out of range, wrong options, injected errors. */
export function admitCall(call: Call, body: JsonObject): { readonly engine: Engine } | { readonly reply: Reply } {
  const { server } = call;
  call.note(body["kv_transfer_params"] ?? null);
  const refused = streamProblem(body) ?? modelProblem(server, body) ?? injectedError(server);
  if (refused) return { reply: refused };
  const engine = pickEngine(call);
  if ("kind" in engine) return { reply: engine };
  noteStreamedPrefill(server, body);
  noteMissingConnector(server, body);
  return { engine };
}

/** `<x>` of response ids: header, body, or random. */
export function externalId(call: Call, body: JsonObject): string {
  const header = call.headers.get("x-request-id");
  if (header) return header;
  return typeof body["request_id"] === "string" ? body["request_id"] : call.server.randomHex(16);
}

function streamProblem(body: JsonObject): Reply | null {
  if (isObject(body["stream_options"]) && body["stream"] !== true) {
    return badRequest("Stream options can only be defined when `stream=True`.", "stream_options");
  }
  if (typeof body["prompt_logprobs"] === "number" && body["stream"] === true) {
    return badRequest("`prompt_logprobs` are not available when `stream=True`.", "prompt_logprobs");
  }
  return null;
}

function modelProblem(server: ApiServer, body: JsonObject): Reply | null {
  const name = body["model"];
  const { servedNames } = server.settings;
  if (typeof name !== "string" || servedNames.includes(name)) return null;
  const message = `The model \`${name}\` does not exist. Valid aliases: ${servedNames.join(", ")}.`;
  server.log.line(
    "APIServer",
    "ERROR",
    "serving.py:274",
    `Error with model error=ErrorInfo(message='${message}', type='NotFoundError', param='model', code=404)`,
  );
  return errorReply(404, message, "NotFoundError", "model");
}

function injectedError({ settings: { faults } }: ApiServer): Reply | null {
  if (faults.errorRequests <= 0) return null;
  faults.errorRequests -= 1;
  const type = faults.errorStatus >= 500 ? "InternalServerError" : "BadRequestError";
  return errorReply(faults.errorStatus, "injected by --sim-error-requests", type);
}

/** No streaming chunk carries kv_transfer_params, so a streamed prefill pins blocks that nobody can ask for. */
function noteStreamedPrefill(server: ApiServer, body: JsonObject): void {
  const params = body["kv_transfer_params"];
  if (body["stream"] !== true || !isObject(params) || params["do_remote_decode"] !== true) return;
  server.violations.record("streamed_prefill", "do_remote_decode with stream: the params cannot be returned", null);
}

function noteMissingConnector(server: ApiServer, body: JsonObject): void {
  if (server.settings.connector || !isObject(body["kv_transfer_params"])) return;
  server.log.line(
    "EngineCore",
    "WARNING",
    "core.py:534",
    "Got kv_transfer_params, but no KVConnector found. Disabling KVTransfer for this request.",
  );
}
