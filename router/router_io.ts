// What a request's life needs from outside itself: everything with state, a clock or a socket.

import type { Connector } from "../kv/connector.ts";
import type { Ledger } from "../kv/ledger.ts";
import type { AccessLog } from "./access_log.ts";
import type { Gate } from "./admission.ts";
import type { AskedAborts } from "./engine_abort.ts";
import type { Deadlines } from "./deadlines.ts";
import type { KvArrivals } from "./kv_arrivals.ts";
import type { Pace } from "./pace.ts";
import type { Policy } from "./policies/policy.ts";
import type { Siblings } from "./procs/siblings.ts";
import type { RequestRing } from "./request_ring.ts";
import type { RetryBudget } from "./retry_budget.ts";
import type { Rooms } from "./rooms.ts";
import type { Roster } from "./roster.ts";
import type { RouterMetrics } from "./router_metrics.ts";
import type { ServedModels } from "./served_models.ts";
import type { Tracing } from "./tracing.ts";
import type { TurnReuse } from "./turn_reuse.ts";
import type { UpstreamClient } from "./upstream/client.ts";
import type { Weights, WeightWatch } from "./weights.ts";
import type { QuarantineLimits, WorkerHealth } from "./worker_health.ts";

export interface ProbeTimes {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** From a worker's becoming ready to the first question. */
  readonly firstWaitMs: number;
}

export interface RouterSettings {
  readonly servedModelName: string;
  /** False for a model that no trainer may give new weights. */
  readonly takesWeights?: boolean;
  /** Where a worker tells `weight_version`; workers that restart are asked there what they have. */
  readonly weightVersionPath?: string | null;
  /** GET /health answers as /ready, for clients that know no other probe. */
  readonly healthWaits?: boolean;
  /** What GET /version says beside pdserve's own. */
  readonly engine: { readonly name: string; readonly version: string };
  readonly pdserveVersion: string;
  /** Clients must send one of them as a bearer token; with none nothing is asked for. */
  readonly apiKeys: readonly string[];
  /** Keys that open the administrator's routes on the API's listener; with none they are not there. */
  readonly adminKeys: readonly string[];
  /** Origins whose pages may call the API from a browser; `*` for all. None by default. */
  readonly corsOrigins: readonly string[];
  /** What to do when no prefill worker can serve. */
  readonly fallback: "none" | "decode-alone";
  readonly maxInFlight: number;
  readonly maxQueue: number;
  readonly maxHandoffs: number;
  /** Whether clients may name the workers that serve them. */
  readonly allowTargetWorker: boolean;
  /** Requests that one worker may be answering. */
  readonly maxWorkerInFlight: number;
  readonly maxBodyBytes: number;
  /** Tries per request, the first one included. */
  readonly maxAttempts: number;
  /** Share of the requests that may be tried again, e.g. 0.2. */
  readonly retryShare: number;
  readonly quarantine: QuarantineLimits;
  /** How often ready workers are asked for a sign of life, and how long each may take; see health_probe.ts. */
  readonly probe?: ProbeTimes;
  /** How long a worker's counters may stand still while requests wait for it. */
  readonly stallTimeoutMs: number;
  /** Longest time in which a request's body may come. */
  readonly bodyTimeoutMs: number;
  readonly queueTimeoutMs: number;
  readonly handoffTimeoutMs: number;
  readonly prefillTimeoutMs: number;
  readonly firstTokenTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** How long decode keeps the KV of a turn for the session's next; null or left out: not at all. */
  readonly turnReuseMs?: number | null;
}

export type RouterLog = (
  level: "debug" | "info" | "warn" | "error",
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

export interface RouterIo {
  readonly settings: RouterSettings;
  readonly connector: Connector;
  /** How long prefill keeps blocks in this run; null where nothing is pinned. */
  readonly leaseMs: number | null;
  readonly roster: Roster;
  readonly policies: { readonly prefill: Policy; readonly decode: Policy };
  readonly upstream: UpstreamClient;
  readonly ledger: Ledger;
  readonly health: WorkerHealth;
  readonly gate: Gate;
  readonly retries: RetryBudget;
  readonly rooms: Rooms;
  readonly arrivals: KvArrivals;
  readonly pace: Pace;
  readonly deadlines: Deadlines;
  readonly metrics: RouterMetrics;
  readonly accessLog: AccessLog | null;
  /** Null where no collector is named. */
  readonly tracing: Tracing | null;
  readonly served: ServedModels;
  readonly ring: RequestRing;
  /** The other router processes, where this one answers for all of them. */
  readonly siblings: Siblings | null;
  readonly weights: Weights;
  readonly weightWatch: WeightWatch;
  /** Null without `--turn-reuse`. */
  readonly turns: TurnReuse | null;
  readonly aborts: AskedAborts;
  readonly log: RouterLog;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
  readonly isClosed: () => boolean;
  /** 32 hex digits, new each time. */
  readonly random: () => string;
}
