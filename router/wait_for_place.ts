// Waiting for a place that is taken now: at the way in, on a worker, or among its handoffs.

import type { Gate } from "./admission.ts";
import { answerError, answerNobody } from "./answer.ts";
import { claimOf } from "./claim.ts";
import type { Exchange } from "./exchange.ts";
import type { Answer } from "./listen/client_request.ts";
import type { Phase } from "./own_error.ts";
import type { RouterIo } from "./router_io.ts";
import type { Slot } from "./roster.ts";

export interface Full {
  readonly phase: Extract<Phase, "queue" | "worker queue" | "handoff window">;
  /** What the client is told when it cannot wait, or not long enough. */
  readonly message: string;
}

export function fullWorker({ name }: Slot): Full {
  return { phase: "worker queue", message: `${name} answers as many requests as it may` };
}

/** Null once there is a place; the caller takes it. Places are given by urgency and by turns of sessions. */
export async function waitForPlace(exchange: Exchange, gate: Gate, full: Full, io: RouterIo): Promise<Answer | null> {
  const { settings, metrics, pace } = io;
  const limitMs = full.phase === "queue" ? settings.queueTimeoutMs : settings.handoffTimeoutMs;
  const expectedMs = full.phase === "queue" ? pace.waitMs(gate.waiting + 1) : 0;
  const refuse = (why: string) => {
    metrics.rejected.add(why);
    const retryAfterSeconds = Math.min(60, Math.max(1, Math.ceil(expectedMs / 1_000)));
    return answerError(exchange, { status: 429, ...full, retryAfterSeconds });
  };
  // Shed before it waits in vain: it, and those behind it, would only make the queue longer.
  if (expectedMs > limitMs) return refuse("too_long_a_wait");
  const waiting = gate.queueUp(claimOf(exchange.ask));
  if (waiting === null) return refuse(`${full.phase.replace(" ", "_")}_full`);

  exchange.enter(full.phase, limitMs);
  const admission = await exchange.waitIn(waiting);
  if (admission === "admitted") return null;
  if (exchange.hasLeft) return answerNobody(exchange);
  if (admission === "pushed-out") return refuse("pushed_out");
  // Nothing was asked of a worker, so the client may well come again; unless its whole time has passed.
  const { phase } = exchange;
  return phase === "whole request"
    ? answerError(exchange, { status: 504, message: full.message, phase })
    : answerError(exchange, { status: 503, message: full.message, phase, retryAfterSeconds: 5 });
}
