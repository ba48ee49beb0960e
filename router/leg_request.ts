// The bytes and headers of one leg, made from what the client sent and what the leg changes.

import type { LegContext } from "../kv/connector.ts";
import { type LegEdit, mergeEdits, noEdit } from "../kv/leg_edit.ts";
import { applyEdit } from "./body/apply_edit.ts";
import { headersOfLeg } from "./leg_headers.ts";
import type { Ask } from "./read_ask.ts";
import { type Route, splitRoutes } from "./routes.ts";
import { editForDecode, editForPrefill, prefillEditOf, prefillSamplingEdit, withoutClientKv } from "./prefill_edit.ts";
import { editSampling } from "./sampling.ts";
import type { UpstreamRequest } from "./upstream/client.ts";

const prefillEdits = new Map<Route, LegEdit>(splitRoutes.map((route) => [route, prefillEditOf(route)]));

/** `retryStaleSocket` where the leg may reach the worker twice without harm. */
export function prefillRequest(ask: Ask, { attemptId }: LegContext, connector: LegEdit, retry: boolean) {
  const common = prefillEdits.get(ask.route) ?? prefillEditOf(ask.route);
  return requestOf(ask, attemptId, inSampling(ask, editForPrefill(common, connector), prefillSamplingEdit), retry);
}

/** Never sent twice: decode may have spent the KV handle before the socket turned out to be dead. */
export function decodeRequest(ask: Ask, { attemptId }: LegContext, connector: LegEdit): UpstreamRequest {
  return requestOf(ask, attemptId, inSampling(ask, editForDecode(connector), () => noEdit), false);
}

/** A decode leg that only reads its KV: one token, nobody listens. */
export function releaseRequest(ask: Ask, { attemptId }: LegContext, connector: LegEdit): UpstreamRequest {
  const common = prefillEdits.get(ask.route) ?? prefillEditOf(ask.route);
  const edit = mergeEdits(common, editForDecode(connector));
  return requestOf(ask, attemptId, inSampling(ask, edit, prefillSamplingEdit), false);
}

/** The request as the client wrote it, but for KV members, which are never a client's to set. */
export function wholeRequest(ask: Ask, attemptId: string): UpstreamRequest {
  return requestOf(ask, attemptId, withoutClientKv, true);
}

/** One image or sound alone, for an encoder worker, which answers no text. */
export function encodeRequest(ask: Ask, attemptId: string, part: unknown): UpstreamRequest {
  const { model } = ask.facts;
  const messages = [{ role: "user", content: [part] }];
  const body = JSON.stringify({ ...(model === null ? {} : { model }), messages, stream: false });
  return {
    method: "POST",
    path: "/v1/chat/completions",
    headers: headersOfLeg(ask.headers, attemptId, {}),
    body: [new TextEncoder().encode(body)],
    // Encoding twice does no harm.
    retryStaleSocket: true,
  };
}

function inSampling({ route, body }: Ask, edit: LegEdit, nested: (route: Route) => LegEdit): LegEdit {
  if (route.samplingIn === undefined || body.is === "opaque") return edit;
  return editSampling(body, route.samplingIn, edit, nested(route));
}

function requestOf(ask: Ask, attemptId: string, edit: LegEdit, retryStaleSocket: boolean): UpstreamRequest {
  return {
    method: ask.route.method,
    path: ask.target,
    headers: headersOfLeg(ask.headers, attemptId, edit.headers),
    body: ask.body.is === "opaque" ? [ask.body.bytes] : applyEdit(ask.body, edit),
    retryStaleSocket,
  };
}
