// The router as one thing: what it is made of, and what the rest of pdserve may ask of it.

import type { Connector } from "../kv/connector.ts";
import { type Ledger, makeLedger } from "../kv/ledger.ts";
import type { EngineMetrics } from "../supervisor/engines/engine.ts";
import type { PairProof } from "../supervisor/events.ts";
import type { FleetView } from "../supervisor/snapshot.ts";
import { makeAccessLog } from "./access_log.ts";
import { makeGate } from "./admission.ts";
import { addedWorkersOf } from "./admin/added_workers.ts";
import { makeAdminApp } from "./admin/admin_app.ts";
import { answerClients } from "./answer_client.ts";
import { makeApp } from "./app.ts";
import { makeDeadlines } from "./deadlines.ts";
import type { Answering } from "./listen/client_request.ts";
import { makeKvArrivals } from "./kv_arrivals.ts";
import { makePace } from "./pace.ts";
import type { Policy } from "./policies/policy.ts";
import { type ProveLimits, provePair } from "./prove.ts";
import { makeRecomputeWatch } from "./recompute_watch.ts";
import { makeHealthProbe } from "./health_probe.ts";
import { makeRequestRing } from "./request_ring.ts";
import { makeRetryBudget } from "./retry_budget.ts";
import { makeRooms } from "./rooms.ts";
import { makeRoster } from "./roster.ts";
import type { RouterIo, RouterLog, RouterSettings } from "./router_io.ts";
import { makeRouterMetrics } from "./router_metrics.ts";
import { makeServedModels } from "./served_models.ts";
import { makeStallWatch } from "./stall_watch.ts";
import type { Tracing } from "./tracing.ts";
import type { UpstreamClient } from "./upstream/client.ts";
import { makeWindowWatch } from "./window_watch.ts";
import { makeWorkerHealth } from "./worker_health.ts";
import { makeWeights, type Weights } from "./weights.ts";
import { makeWeightWatch } from "./weight_watch.ts";

export interface RouterOptions {
  readonly fleet: FleetView;
  readonly connector: Connector;
  /** How long prefill keeps finished blocks in this run; see kv/lease.ts. */
  readonly leaseMs: number | null;
  readonly engineMetrics: EngineMetrics;
  readonly upstream: UpstreamClient;
  readonly policies: { readonly prefill: Policy; readonly decode: Policy };
  readonly settings: RouterSettings;
  readonly clock: {
    /** Milliseconds, monotonic. */
    readonly now: () => number;
    /** Milliseconds since 1970. */
    readonly wall: () => number;
  };
  /** 32 hex digits, new each time. */
  readonly random: () => string;
  readonly log: RouterLog;
  /** Gets whole lines of JSON; null for no access log. */
  readonly writeAccessLog: ((lines: string) => void) | null;
  /** Closed with the router; see load_tracing.ts. Left out: no traces. */
  readonly tracing?: Tracing | null;
  /** Of the router before this one in the same run. Left out: nothing has been updated yet. */
  readonly weights?: Weights;
}

export interface Router {
  fetch(request: Request): Response | Promise<Response>;
  /** The same for a listener. */
  answer: Answering;
  /** The administrator's routes, for whoever has shown already that he is one. */
  admin(request: Request): Response | Promise<Response>;
  /** Sends one request through exactly this pair and tells by the engines' counters whether KV moved. */
  prove(pair: { readonly prefill: string; readonly decode: string }, limits?: ProveLimits): Promise<PairProof>;
  inFlight(): number;
  /** What runs on one worker now; zeros for one that is not there. */
  load(worker: string): { readonly requests: number; readonly handoffs: number };
  /** Calls back once, as soon as nothing is in flight (at once when nothing is). */
  onIdle(callback: () => void): void;
  metricsText(): string;
  /** All is let go at once; the promise is for traces that are still on their way to a collector. */
  close(): Promise<void>;
}

export function makeRouter(options: RouterOptions): Router {
  const { clock, upstream, writeAccessLog } = options;
  const ledger = makeLedger(clock.now);
  const deadlines = makeDeadlines(clock.now);
  const accessLog = writeAccessLog === null ? null : makeAccessLog(writeAccessLog, clock.wall);
  const workers = addedWorkersOf(options.fleet);
  let isClosed = false;
  const io = connectParts({ ...options, fleet: workers }, { ledger, deadlines, accessLog, isClosed: () => isClosed });
  const admin = makeAdminApp(workers, io);
  const app = makeApp(io, admin);
  const watches = [
    makeRecomputeWatch(io, options.engineMetrics),
    makeHealthProbe(io),
    makeStallWatch(io),
    makeWindowWatch(io, options.engineMetrics),
    io.served,
    io.weightWatch,
  ];
  return {
    fetch: (request) => app.fetch(request),
    answer: answerClients(io, app),
    admin: (request) => admin.fetch(request),
    prove: (pair, limits) => provePair(pair, io, options.engineMetrics, limits),
    inFlight: () => io.gate.inside,
    load(worker) {
      const slot = io.roster.named(worker);
      return { requests: slot?.inFlight ?? 0, handoffs: slot?.window.inside ?? 0 };
    },
    onIdle: (callback) => io.gate.onceEmpty(callback),
    metricsText: () => io.metrics.text(),
    async close() {
      isClosed = true;
      deadlines.close();
      for (const watch of watches) watch.close();
      accessLog?.close();
      io.arrivals.close();
      io.roster.close();
      upstream.close();
      await io.tracing?.close();
    },
  };
}

function connectParts(
  { fleet, connector, leaseMs, upstream, policies, settings, clock, random, log, tracing = null, weights: known }: RouterOptions,
  own: Pick<RouterIo, "ledger" | "deadlines" | "accessLog" | "isClosed">,
): RouterIo {
  const { maxHandoffs, maxWorkerInFlight, maxQueue, maxInFlight } = settings;
  const gate = makeGate({ inside: maxInFlight, waiting: maxQueue });
  const health = makeWorkerHealth(clock.now, settings.quarantine);
  const weights = known ?? makeWeights((settings.weightVersionPath ?? null) !== null);
  const roster = makeRoster(fleet, {
    maxHandoffs,
    maxWorkerInFlight,
    maxQueue,
    weights,
    onGone: ({ url }) => upstream.forget(url),
  });
  const metrics = makeRouterMetrics({ gate, roster, health, upstream, handles: () => handlesByState(own.ledger) });
  const { now, wall } = clock;
  const ring = makeRequestRing();
  const served = makeServedModels(roster, upstream);
  const retries = makeRetryBudget(settings.retryShare);
  const pace = makePace(clock.now);
  const rooms = makeRooms(random);
  const arrivals = makeKvArrivals();
  const weightWatch = makeWeightWatch({ roster, upstream, weights, settings, log }, fleet);
  const parts = { ...own, retries, rooms, arrivals, pace, gate, health, roster, metrics, ring, served, weights, weightWatch };
  return { settings, connector, leaseMs, policies, upstream, log, tracing, now, wall, random, ...parts };
}

function handlesByState(ledger: Ledger): Readonly<Record<string, number>> {
  const { opened, spent, ended } = ledger.counts();
  const states: Record<string, number> = { opened, spent };
  for (const outcomes of Object.values(ended)) {
    for (const [outcome, count] of Object.entries(outcomes)) states[outcome] = (states[outcome] ?? 0) + count;
  }
  return states;
}
