// The way in: accept, identify, admit, and then split or whole.

import { answerError, answerNobody, nobodysAnswer } from "./answer.ts";
import { encodeMedia } from "./encode_media.ts";
import { Exchange } from "./exchange.ts";
import type { Answer, ClientRequest } from "./listen/client_request.ts";
import { whyNotSplitBy, whyNotWithTurns, whyWhole } from "./must_not_split.ts";
import { noWorkerReady } from "./no_worker.ts";
import { errorAnswer, type OwnError } from "./own_error.ts";
import { serveSplit } from "./pd.ts";
import { type Ask, readAsk } from "./read_ask.ts";
import { requestIdOf } from "./request_id.ts";
import type { RouterIo } from "./router_io.ts";
import type { Route } from "./routes.ts";
import { type Full, waitForPlace } from "./wait_for_place.ts";
import { serveWhole } from "./whole.ts";

export async function serveRequest(request: ClientRequest, route: Route, io: RouterIo): Promise<Answer> {
  const { settings, roster } = io;
  const id = requestIdOf(request.header("x-request-id"), io.random);
  const refuse = (error: OwnError) => {
    io.metrics.rejected.add(String(error.status));
    return errorAnswer(error, id, route.api);
  };
  if (roster.phase !== "serving") return refuse(noWorkerReady(io));
  let exchange: Exchange | null = null;
  try {
    const reading = readAsk(request, id, route, settings, roster.workerApiKey, io.deadlines);
    const read = reading instanceof Promise ? await reading : reading;
    if (read.is === "gone") return nobodysAnswer;
    if (read.is === "refused") return refuse(read.error);

    exchange = accept(request, read.ask, io);
    const refused = io.gate.tryEnter() ? null : await waitForPlace(exchange, io.gate, fullRouter(io.settings), io);
    if (refused !== null) return refused;
    exchange.times.admittedMs = io.now();
    io.retries.earn();
    return exchange.hasLeft ? answerNobody(exchange) : await serve(exchange, read.ask, io);
  } catch (error) {
    io.log("error", "A request ended by a bug", { requestId: id, error: String((error as Error)?.stack ?? error) });
    const told = { status: 500, message: "pdserve failed to serve this request; its log says why" };
    exchange?.abortLegs();
    return exchange === null ? refuse(told) : answerError(exchange, told);
  }
}

function accept(request: ClientRequest, ask: Ask, io: RouterIo): Exchange {
  const exchange = new Exchange(ask, io);
  if (request.hasLeft) exchange.leave();
  else request.onLeave(() => exchange.leave());
  return exchange;
}

function fullRouter({ maxInFlight }: RouterIo["settings"]): Full {
  return { phase: "queue", message: `${maxInFlight} requests are being served, and no place became free for this one` };
}

async function serve(exchange: Exchange, { route, body, facts }: Ask, io: RouterIo): Promise<Answer> {
  if (!route.splits || body.is === "opaque") return await serveWhole(exchange, io, "none; reason=route");
  const hasRegularOnly = io.roster.prefill.length === 0 && io.roster.regular.length > 0;
  const reason = whyWhole(route, body, facts, io.connector) ?? whyNotSplitBy(io.connector, route) ??
    whyNotWithTurns(io.turns !== null, route, facts);
  // Decode workers know nothing of encoders: what goes whole to one of them is encoded there.
  const refused = reason === null || hasRegularOnly ? await encodeMedia(exchange, io) : null;
  if (refused !== null) return refused;
  if (reason !== null) return await serveWhole(exchange, io, `none; reason=${reason}`);
  return hasRegularOnly ? await serveWhole(exchange, io, "none; reason=regular") : await serveSplit(exchange, io);
}
