// KV that prefill holds for a client that left before decode was asked: given back at once where the connector has a
// way, else it stays until its lease ends. There is no request for it: a decode that reads it lets prefill free it. Seen on
// a real vLLM 0.32.0 over NIXL: the blocks are free with the end of that decode; without it after 30 s, as expired.

import type { LegContext, PrefillReply } from "../kv/connector.ts";
import type { Handle } from "../kv/ledger.ts";
import type { Pair } from "./attempt.ts";
import { Leg } from "./leg.ts";
import { releaseRequest } from "./leg_request.ts";
import type { Ask } from "./read_ask.ts";
import type { RouterIo } from "./router_io.ts";

/** How a handle came free: prefill pins nothing, decode read it for one token, or prefill waits for the lease. */
type Way = "not pinned" | "one-token decode" | "lease";

interface Unspent {
  readonly handle: Handle;
  readonly ask: Ask;
  readonly pair: Pair;
  readonly context: LegContext;
  readonly reply: PrefillReply;
}

/** Longest that the decode of one token may take; after it the lease has to do. */
const LIMIT_MS = 10_000;

export function releaseKv(unspent: Unspent, io: RouterIo): void {
  const { handle, pair: { prefill, decode }, context, reply } = unspent;
  const settle = (way: Way) => {
    handle.settle(way === "lease" ? "leaked" : "released");
    io.metrics.releases.add(way);
    io.log("info", "A client left between prefill and decode", { prefill: prefill.name, released_by: way });
  };
  if (io.leaseMs === null || reply.params === null) return settle("not pinned");
  const plan = io.connector.shape === "params-echo" ? io.connector.decodeLeg(context, reply) : null;
  if (plan?.is !== "send" || handle.spend(prefill.worker.generation).is === "refused") return settle("lease");

  decode.legStarts(0, false);
  const leg = new Leg(false, () => decode.legEnds(0, false));
  const limit = { expiresMs: io.now() + LIMIT_MS, expire: () => leg.abort() };
  io.deadlines.watch(limit);
  leg.start(io.upstream, decode.worker.url, releaseRequest(unspent.ask, context, plan.edit));
  void leg.opened.then((opening) => {
    io.deadlines.forget(limit);
    settle(opening.is === "answered" && opening.head.status < 400 ? "one-token decode" : "lease");
  });
}
