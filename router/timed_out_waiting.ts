// A request that waited for a place as long as it may, and found none.

import type { Exchange } from "./exchange.ts";
import type { OwnError } from "./own_error.ts";

/** Nothing was asked of a worker, so the client may well come again; unless its whole time has passed. */
export function timedOutWaiting({ phase }: Exchange, message: string): OwnError {
  return phase === "whole request"
    ? { status: 504, message, phase }
    : { status: 503, message, phase, retryAfterSeconds: 5 };
}
