// What one process answers for all goes to the core, whichever process a client's connection has come to.

import { errorAnswer } from "../../router/own_error.ts";
import { isClosedPath } from "../../router/closed_paths.ts";
import { answerOf } from "../../router/listen/answer_of.ts";
import type { Answer, Answering, ClientRequest } from "../../router/listen/client_request.ts";
import { toRequest } from "../../router/listen/request_of.ts";
import { splitRoutes, wholeRoutes } from "../../router/routes.ts";

const forWorkers = new Set([...splitRoutes, ...wholeRoutes].map(({ path }) => path));
const ofAll = new Set(["/metrics", "/load", "/ready", "/readiness"]);

/** `answering` is this process's own router; the core listens at `socket`, and asks for the same keys. */
export function passingToCore(answering: Answering, socket: string): Answering {
  return (client) => isForCore(client) ? askCore(client, socket) : answering(client);
}

function isForCore({ target }: ClientRequest): boolean {
  const query = target.indexOf("?");
  const path = query < 0 ? target : target.slice(0, query);
  return !forWorkers.has(path) && (ofAll.has(path) || isClosedPath(path));
}

async function askCore(client: ClientRequest, socket: string): Promise<Answer> {
  const request = toRequest(client);
  if (request === null) return { status: 501, fields: [], body: null };
  try {
    const { method, headers, signal } = request;
    const body = method === "GET" || method === "HEAD" ? null : await request.arrayBuffer();
    return await answerOf(await fetch(request.url, { method, headers, body, signal, unix: socket, ...asItIs }));
  } catch {
    return errorAnswer(coreIsGone, client.header("x-request-id") ?? "");
  }
}

const coreIsGone = { status: 503, message: "The process that answers this is ending", retryAfterSeconds: 2 } as const;

/** The runtime's own limit of five minutes is shorter than some updates of weights. Its types do not know the members. */
const asItIs: object = { timeout: false, decompress: false, redirect: "manual" };
