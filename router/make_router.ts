// The router as one thing: what it is made of, and what the rest of pdserve may ask of it.

import type { Connector } from "../kv/connector.ts";
import { makeLedger } from "../kv/ledger.ts";
import type { EngineMetrics } from "../supervisor/engines/engine.ts";
import type { PairProof } from "../supervisor/events.ts";
import type { FleetView } from "../supervisor/snapshot.ts";
import { makeAccessLog } from "./access_log.ts";
import { addedWorkersOf } from "./admin/added_workers.ts";
import { makeAdminApp } from "./admin/admin_app.ts";
import { answerClients } from "./answer_client.ts";
import { makeApp } from "./app.ts";
import { makeAskedAborts } from "./engine_abort.ts";
import { makeDeadlines } from "./deadlines.ts";
import type { Answering } from "./listen/client_request.ts";
import { makeKvArrivals } from "./kv_arrivals.ts";
import { makeOwnNumbers, type Numbers } from "./numbers.ts";
import { ownRecords } from "./own_records.ts";
import { makePace } from "./pace.ts";
import type { Policy } from "./policies/policy.ts";
import { type ProveLimits, provePair } from "./prove.ts";
import { makeRecomputeWatch } from "./recompute_watch.ts";
import { makeHealthProbe } from "./health_probe.ts";
import type { Siblings } from "./procs/siblings.ts";
import { makeRequestRing, type RequestRecord } from "./request_ring.ts";
import { makeRetryBudget } from "./retry_budget.ts";
import { makeRooms } from "./rooms.ts";
import { makeRoster } from "./roster.ts";
import type { RouterIo, RouterLog, RouterSettings } from "./router_io.ts";
import { makeRouterMetrics } from "./router_metrics.ts";
import { makeServedModels } from "./served_models.ts";
import { makeStallWatch } from "./stall_watch.ts";
import type { Tracing } from "./tracing.ts";
import { makeTurnReuse } from "./turn_reuse.ts";
import type { UpstreamClient } from "./upstream/client.ts";
import { makeWindowWatch } from "./window_watch.ts";
import { type Weights, weightsOf } from "./weights.ts";
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
  /** Resolves when all of it is written. */
  readonly closeAccessLog?: () => Promise<void>;
  readonly closeLog?: () => Promise<void>;
  /** Closed with the router; see load_tracing.ts. Left out: no traces. */
  readonly tracing?: Tracing | null;
  /** Left out: this process's own. */
  readonly numbers?: Numbers;
  /** The other router processes, for the one that answers for all. Left out: there are none. */
  readonly siblings?: Siblings | null;
  /** False in a process that another one tells what it has seen of the workers. */
  readonly watchesFleet?: boolean;
  /** Left out: those of the fleet, in this process. */
  readonly weights?: Weights;
}

export interface RunningOn {
  readonly requests: number;
  readonly handoffs: number;
  /** Requests that have their place there and no leg yet: they are still at prefill. */
  readonly expected: number;
}

export interface Router {
  fetch(request: Request): Response | Promise<Response>;
  /** The same for a listener. */
  answer: Answering;
  /** The listener refused something by itself; it is counted with what the router refuses. */
  refused(status: number): void;
  /** The administrator's routes, for whoever has shown already that he is one. */
  admin(request: Request): Response | Promise<Response>;
  /** Sends one request through exactly this pair and tells by the engines' counters whether KV moved. */
  prove(pair: { readonly prefill: string; readonly decode: string }, limits?: ProveLimits): Promise<PairProof>;
  inFlight(): number;
  /** What runs on one worker now; zeros for one that is not there. */
  load(worker: string): RunningOn;
  /** Resolves when all router processes know of the workers what this one knows now. */
  heard(): Promise<void>;
  /** Calls back once, as soon as nothing is in flight (at once when nothing is). */
  onIdle(callback: () => void): void;
  metricsText(): string;
  /** The workers it goes by: the fleet's, and those that an administrator has added. */
  readonly workers: FleetView;
  readonly weights: Weights;
  /** This process's part of what one of them tells for all; see procs/siblings.ts. */
  ownPart(): { readonly metrics: string; readonly requests: readonly RequestRecord[] };
  /** All is let go at once; the promise is for traces that are still on their way to a collector. */
  close(): Promise<void>;
}

export function makeRouter(options: RouterOptions): Router {
  const { clock, upstream, writeAccessLog } = options;
  const numbers = options.numbers ?? makeOwnNumbers(clock.now);
  const ledger = makeLedger(clock.now, undefined, numbers.handles);
  const deadlines = makeDeadlines(clock.now);
  const accessLog = writeAccessLog === null ? null : makeAccessLog(writeAccessLog, clock.wall);
  const workers = addedWorkersOf(options.fleet);
  let isClosed = false;
  const { siblings = null } = options;
  const own = { ledger, deadlines, accessLog, siblings, isClosed: () => isClosed };
  const io = connectParts({ ...options, fleet: workers }, own, numbers);
  const admin = makeAdminApp(workers, io);
  const app = makeApp(io, admin);
  const heard = async () => void await siblings?.ask();
  const watches = [makeStallWatch(io), io.served, io.weightWatch];
  if (options.watchesFleet === false) io.weightWatch.close();
  else watches.push(...watchFleet(io, options));
  return {
    fetch: (request) => app.fetch(request),
    answer: answerClients(io, app),
    refused: (status) => io.metrics.rejected.add(String(status)),
    admin: (request) => admin.fetch(request),
    prove: (pair, limits) => provePair(pair, io, options.engineMetrics, limits),
    inFlight: () => io.gate.inside,
    load(worker) {
      const slot = io.roster.named(worker);
      if (slot === null) return { requests: 0, handoffs: 0, expected: 0 };
      const { inFlight, room, window } = slot;
      return { requests: inFlight, handoffs: window.inside, expected: Math.max(0, room.inside - inFlight) };
    },
    heard,
    onIdle(callback) {
      // Who has not heard that nobody is let in any more may be about to let somebody in.
      if (siblings === null) io.gate.onceEmpty(callback);
      else void heard().then(() => io.gate.onceEmpty(callback));
    },
    metricsText: () => io.metrics.text(),
    workers,
    weights: io.weights,
    ownPart() {
      // Found out by looking: handles whose lease has run out.
      ledger.counts();
      return { metrics: io.metrics.ownText(), requests: ownRecords(io) };
    },
    async close() {
      isClosed = true;
      deadlines.close();
      for (const watch of watches) watch.close();
      accessLog?.close();
      io.arrivals.close();
      io.roster.close();
      upstream.close();
      await Promise.all([io.tracing?.close(), options.closeAccessLog?.()]);
      await options.closeLog?.();
    },
  };
}

/** What one process does for all. A stall is looked for in each, since only it knows who waits there. */
function watchFleet(io: RouterIo, { engineMetrics }: RouterOptions) {
  return [
    makeRecomputeWatch(io, engineMetrics),
    makeHealthProbe(io),
    makeWindowWatch(io, engineMetrics),
  ];
}

function connectParts(
  { fleet, connector, leaseMs, upstream, policies, settings, clock, random, log, tracing = null, weights: known }:
    RouterOptions,
  own: Pick<RouterIo, "ledger" | "deadlines" | "accessLog" | "siblings" | "isClosed">,
  numbers: Numbers,
): RouterIo {
  const { maxHandoffs, maxWorkerInFlight, maxQueue, maxInFlight } = settings;
  const gate = numbers.gate({ inside: maxInFlight, waiting: maxQueue });
  const health = numbers.health(settings.quarantine);
  const weights = known ?? weightsOf(fleet, (settings.weightVersionPath ?? null) !== null);
  const roster = makeRoster(fleet, {
    maxHandoffs,
    maxWorkerInFlight,
    maxQueue,
    weights,
    numbers,
    onGone: ({ url }) => upstream.forget(url),
  });
  const handles = () => numbers.handlesByState(own.ledger);
  const metrics = makeRouterMetrics({ gate, roster, health, upstream, handles, siblings: own.siblings });
  const { now, wall } = clock;
  const ring = makeRequestRing();
  const served = makeServedModels(roster, upstream);
  const retries = makeRetryBudget(settings.retryShare, numbers.part.of);
  const pace = makePace(clock.now, numbers.served);
  const rooms = makeRooms(random, numbers.part);
  const arrivals = makeKvArrivals();
  const { turnReuseMs = null } = settings;
  const turns = turnReuseMs === null ? null : makeTurnReuse({ ttlMs: turnReuseMs, now, roster });
  const weightWatch = makeWeightWatch({ roster, upstream, weights, settings, log }, fleet);
  const parts = {
    ...own,
    retries,
    rooms,
    arrivals,
    pace,
    gate,
    health,
    roster,
    metrics,
    ring,
    served,
    weights,
    weightWatch,
    turns,
    aborts: numbers.aborts ?? makeAskedAborts(now),
  };
  return { settings, connector, leaseMs, policies, upstream, log, tracing, now, wall, random, ...parts };
}
