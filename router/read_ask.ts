// What a client asks for: its body scanned at the top level, its headers sorted out, its id; or why it is refused.

import { type BodyFacts, readFacts } from "./body/read_facts.ts";
import type { Deadlines } from "./deadlines.ts";
import { type BodyRefusal, scanBody, type ScannedBody } from "./body/scan_body.ts";
import { routeOfBody } from "./invocation.ts";
import { type HeaderList, headersForWorkers, type Keys } from "./leg_headers.ts";
import type { BodyTrouble, ClientRequest } from "./listen/client_request.ts";
import type { OwnError } from "./own_error.ts";
import type { Route } from "./routes.ts";
import { samplingOf } from "./sampling.ts";
import { whySmuggled } from "./smuggled_kv.ts";

/** A body that is not JSON and is passed on as it is: a form with a sound file, or nothing at all. */
export interface OpaqueBody {
  readonly is: "opaque";
  readonly bytes: Uint8Array;
}

export interface Ask {
  /** What the client sees as `x-request-id`. */
  readonly id: string;
  /** The router made it, so it is like no other. */
  readonly isOwnId: boolean;
  readonly route: Route;
  /** Path and query as sent to workers. */
  readonly target: string;
  readonly body: ScannedBody | OpaqueBody;
  readonly facts: BodyFacts;
  readonly headers: HeaderList;
}

export interface AskLimits {
  readonly maxBodyBytes: number;
  readonly bodyTimeoutMs: number;
  readonly apiKeys: readonly string[];
}

export type ReadAsk =
  | { readonly is: "ask"; readonly ask: Ask }
  | { readonly is: "refused"; readonly error: OwnError }
  /** The client left while it was sending. */
  | { readonly is: "gone" };

/** `workerKey` is what the legs' Authorization says in place of the client's own. */
export function readAsk(
  request: ClientRequest,
  id: string,
  route: Route,
  limits: AskLimits,
  workerKey: string | null,
  deadlines: Deadlines,
): ReadAsk | Promise<ReadAsk> {
  const judge = (bytes: Uint8Array | Unread): ReadAsk => judgeBody(request, id, route, limits, workerKey, bytes);
  if (request.body !== null) return judge(request.body);
  const announced = Number(request.header("content-length") ?? 0);
  return announced > limits.maxBodyBytes ? judge("too-large") : bodyOf(request, limits, deadlines).then(judge);
}

/** `late`: it has not come whole in time. */
type Unread = BodyTrouble | "late";

function judgeBody(
  request: ClientRequest,
  id: string,
  route: Route,
  limits: AskLimits,
  workerKey: string | null,
  bytes: Uint8Array | Unread,
): ReadAsk {
  if (bytes === "gone") return { is: "gone" };
  if (bytes === "late") return { is: "refused", error: tooSlow(limits) };
  if (bytes === "too-large" || bytes.length > limits.maxBodyBytes) return { is: "refused", error: tooLarge(limits) };
  const body = isOpaque(request, route, bytes) ? { is: "opaque" as const, bytes } : scanBody(bytes);
  if (body.is === "refused") return { is: "refused", error: badBody(body) };
  const smuggled = body.is === "object" ? whySmuggled(body) : null;
  if (smuggled !== null) return { is: "refused", error: smuggled };
  const keys = { worker: workerKey, router: limits.apiKeys[0] ?? null };
  return { is: "ask", ask: makeAsk(request, id, routeOfBody(route, body), body, keys) };
}

function makeAsk(request: ClientRequest, id: string, route: Route, body: Ask["body"], keys: Keys): Ask {
  return {
    id,
    isOwnId: request.header("x-request-id") !== id,
    route,
    target: targetOf(request.target, route),
    body,
    facts: factsOf(route, body),
    headers: headersForWorkers(request, keys),
  };
}

async function bodyOf(request: ClientRequest, limits: AskLimits, deadlines: Deadlines): Promise<Uint8Array | Unread> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array | Unread>();
  const limit = { expiresMs: deadlines.nowMs + limits.bodyTimeoutMs, expire: () => resolve("late") };
  deadlines.watch(limit);
  request.whenBody(resolve);
  const bytes = await promise;
  deadlines.forget(limit);
  return bytes;
}

/**
 * JSON may carry KV params that kill an engine, and vLLM takes a body without a content type for JSON, so only what
 * says that it is something else is passed on unread.
 */
function isOpaque(request: ClientRequest, route: Route, bytes: Uint8Array): boolean {
  if (route.splits) return false;
  if (bytes.length === 0) return true;
  return request.header("content-type")?.toLowerCase().startsWith("multipart/form-data") ?? false;
}

function targetOf(target: string, { workerPath }: Route): string {
  if (workerPath === undefined) return target;
  const query = target.indexOf("?");
  return query < 0 ? workerPath : workerPath + target.slice(query);
}

/** Sampling fields count where the route has them; model, stream and session stand at the top level everywhere. */
function factsOf({ samplingIn }: Route, body: Ask["body"]): BodyFacts {
  if (body.is === "opaque") return noFacts;
  const facts = readFacts(body);
  const sampling = samplingIn === undefined ? null : samplingOf(body, samplingIn);
  if (sampling === null) return facts;
  const { model, stream, includeUsage, sessionKey } = facts;
  return { ...readFacts(sampling), model, stream, includeUsage, sessionKey };
}

const noFacts: BodyFacts = readFacts({
  is: "object",
  bytes: new Uint8Array([0x7b, 0x7d]),
  open: 0,
  close: 1,
  members: [],
});

function tooLarge({ maxBodyBytes }: AskLimits): OwnError {
  return { status: 413, message: `The body is larger than ${maxBodyBytes} bytes, the limit of --max-body-size` };
}

function tooSlow({ bodyTimeoutMs }: AskLimits): OwnError {
  const message = `The body did not come whole within ${bodyTimeoutMs / 1000} s, the limit of --body-timeout`;
  return { status: 408, message, headers: { connection: "close" } };
}

function badBody({ message, at }: BodyRefusal): OwnError {
  return { status: 400, message, param: `body.${at}` };
}
