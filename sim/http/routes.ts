// Which function answers which method and path.

import type { Call } from "../api/api_server.ts";
import { chatCompletions } from "../api/chat.ts";
import { completions } from "../api/completions.ts";
import { messages } from "../api/messages.ts";
import { responses } from "../api/responses.ts";
import { simFaults, simRequests, simState, simViolations } from "../api/sim_routes.ts";
import {
  detokenize,
  health,
  kvEventSources,
  load,
  metrics,
  models,
  resetPrefixCache,
  scaleOutDisabled,
  tokenize,
  version,
} from "../api/small_routes.ts";
import type { Reply } from "./reply.ts";

export type Handler = (call: Call) => Reply | Promise<Reply>;

/** Path → method → handler. */
export type RouteTable = Readonly<Record<string, Readonly<Record<string, Handler>>>>;

export const routes: RouteTable = {
  "/health": { GET: health },
  "/ping": { GET: health, POST: health },
  "/version": { GET: version },
  "/load": { GET: load },
  "/kv_event_sources": { GET: kvEventSources },
  "/metrics": { GET: metrics },
  "/v1/models": { GET: models },
  "/tokenize": { POST: tokenize },
  "/detokenize": { POST: detokenize },
  "/v1/completions": { POST: completions },
  "/v1/chat/completions": { POST: chatCompletions },
  "/v1/responses": { POST: responses },
  "/v1/messages": { POST: messages },
  "/inference/v1/generate": { POST: scaleOutDisabled },
  "/inference/v1/abort_requests": { POST: scaleOutDisabled },
  "/v1/completions/render": { POST: scaleOutDisabled },
  "/v1/chat/completions/render": { POST: scaleOutDisabled },
  "/v1/completions/derender": { POST: scaleOutDisabled },
  "/v1/chat/completions/derender": { POST: scaleOutDisabled },
  "/v1/messages/render": { POST: scaleOutDisabled },
  "/v1/responses/render": { POST: scaleOutDisabled },
  "/sim/violations": { GET: simViolations },
  "/sim/requests": { GET: simRequests },
  "/sim/state": { GET: simState },
  "/sim/faults": { POST: simFaults },
};

/** With VLLM_SERVER_DEV_MODE=1. */
export const devRoutes: RouteTable = {
  "/reset_prefix_cache": { POST: resetPrefixCache },
};
