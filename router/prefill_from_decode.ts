// A prefill that reads the session's turn before from decode. A read that fails is a 500, or hangs prefill for good where its
// policy is recompute (seen on a real vLLM 0.32.0), so it has a limit of its own, and after it prefill computes the prompt.

import type { LegContext } from "../kv/connector.ts";
import { kvParams } from "../kv/handoff.ts";
import type { LegEdit } from "../kv/leg_edit.ts";
import type { Exchange } from "./exchange.ts";
import { attemptIdOf } from "./request_id.ts";
import type { RouterIo } from "./router_io.ts";
import type { Turn } from "./turn_reuse.ts";

export interface PrefillHow {
  readonly context: LegContext;
  readonly edit: LegEdit;
  readonly limitMs: number;
}

/** Longest for a prefill that reads; one that only computes has all of --prefill-timeout. */
const READ_LIMIT_MS = 30_000;

/** `run` is called once, or a second time, as usual, when the first has failed. */
export async function prefillFromDecode<Result extends { readonly is: string }>(
  { params, failed }: Turn,
  exchange: Exchange,
  usual: PrefillHow,
  io: RouterIo,
  run: (how: PrefillHow) => Promise<Result>,
): Promise<Result> {
  const { context, edit, limitMs } = usual;
  const reading = { edit: params === null ? edit : kvParams(params), limitMs: Math.min(READ_LIMIT_MS, limitMs / 2) };
  const result = await run({ context, ...reading });
  if (result.is !== "failed") {
    io.metrics.turnReuses.add("read");
    return result;
  }
  failed();
  io.metrics.turnReuses.add("failed");
  io.log("warn", "Prefill could not read a session's turn from decode; it computes the prompt", {
    prefill: exchange.prefill,
  });
  if (exchange.hasLeft || exchange.phase === "whole request") return result;
  // Another id: the engine may still have the one that hangs.
  return await run({ ...usual, context: { ...context, attemptId: attemptIdOf(exchange.id, io.random()) } });
}
