// One listener before several models: each request goes to the router of the model that its body names.

import { applyEdit } from "./body/apply_edit.ts";
import { lastMember, scanBody, type ScannedBody } from "./body/scan_body.ts";
import { errorResponse } from "./own_error.ts";

export interface FrontModel {
  /** Of its entry in the file; requests may name it as well. */
  readonly name: string;
  /** What its workers call it. */
  readonly servedName: string;
  fetch(request: Request): Response | Promise<Response>;
}

/** `models` may grow: a model is found as soon as it is in the list. */
export function modelFront(
  models: readonly FrontModel[],
  random: () => string,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const { pathname } = new URL(request.url);
    if (request.method === "GET" && pathname === "/v1/models") return await listedModels(models, request);
    if (request.method === "GET" && pathname === "/health") return await healthOfAll(models, request);
    const bytes = await request.bytes();
    const body = scanBody(bytes);
    const asked = body.is === "object" ? modelOf(body) : null;
    const known = `there are ${models.flatMap(({ name, servedName }) => [...new Set([name, servedName])]).join(", ")}`;
    if (body.is !== "object" || asked === null) {
      const message = `Say in the body which "model" this is for: ${known}`;
      return errorResponse({ status: 400, message, param: "model" }, random());
    }
    const model = models.find(({ servedName }) => servedName === asked) ?? models.find(({ name }) => name === asked);
    if (model === undefined) {
      return errorResponse({ status: 404, message: `The model "${asked}" is not served here; ${known}` }, random());
    }
    return await model.fetch(withBody(request, model.servedName === asked ? [bytes] : renamed(body, model.servedName)));
  };
}

function modelOf(body: ScannedBody): string | null {
  const member = lastMember(body, "model");
  if (member === null) return null;
  const value: unknown = JSON.parse(new TextDecoder().decode(body.bytes.subarray(member.valueStart, member.valueEnd)));
  return typeof value === "string" ? value : null;
}

function renamed(body: ScannedBody, model: string): readonly Uint8Array[] {
  return applyEdit(body, { set: { model }, drop: [], headers: {} });
}

function withBody({ url, method, headers, signal }: Request, pieces: readonly Uint8Array[]): Request {
  return new Request(url, { method, headers, signal, body: Buffer.concat(pieces) });
}

/** A refusal of one, such as for a missing key, is the answer. */
async function listedModels(models: readonly FrontModel[], request: Request): Promise<Response> {
  const answers = await Promise.all(models.map((model) => model.fetch(new Request(request))));
  const refused = answers.find(({ ok }) => !ok);
  if (refused !== undefined) return refused;
  const lists = await Promise.all(answers.map(async (answer) => (await answer.json() as { data: unknown[] }).data));
  return Response.json({ object: "list", data: lists.flat() });
}

async function healthOfAll(models: readonly FrontModel[], request: Request): Promise<Response> {
  const answers = await Promise.all(models.map((model) => model.fetch(new Request(request))));
  return answers.find(({ ok }) => !ok) ?? answers[0] ?? new Response(null, { status: 503 });
}
