// A fleet from outside: what it needs of the world, and what others may see and want of it.

import type { Connector } from "../kv/connector.ts";
import type { Clock } from "./clock.ts";
import type { Engine } from "./engines/engine.ts";
import type { EventStream } from "./event_stream.ts";
import type { FleetOrders } from "./fleet_orders.ts";
import type { PortKeeper } from "./hold_ports.ts";
import type { LogStore } from "./log_store.ts";
import type { Fetch } from "./probe.ts";
import type { Prove } from "./prove_fleet.ts";
import type { RestartRule } from "./restart.ts";
import type { RunIdentity } from "./run_identity.ts";
import type { FleetView } from "./snapshot.ts";
import type { spawnWorker } from "./spawn.ts";
import type { InFlight } from "./in_flight.ts";
import type { StopWish } from "./stop_signals.ts";
import type { GpuHolder, WorkerProcess } from "./worker_process.ts";

export interface FleetDeps {
  readonly engine: Engine;
  readonly connector: Connector;
  readonly identity: RunIdentity;
  readonly events: EventStream;
  /** Where clients reach the router, and where the run keeps its files: told in the `ready` event. */
  readonly url: string;
  readonly runDir: string;
  /** Limit for a starting worker, counted from its last progress. */
  readonly startupTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** How long a worker may have requests without making a token. */
  readonly hangTimeoutMs: number;
  readonly restart: RestartRule;
  /** The first failure of a worker ends the run, whenever it comes. */
  readonly failFast: boolean;
  /** Null for `--no-canary`. */
  readonly prove: Prove | null;
  readonly inFlight: InFlight;
  readonly workerApiKey: string | null;
  readonly openLog: (worker: string, onLine: (line: string) => void) => LogStore;
  /** Who holds memory of these GPUs; null where the driver does not tell. */
  readonly gpuHolders: (gpus: readonly string[]) => Promise<readonly GpuHolder[] | null>;
  /** What the workers inherit. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  readonly fetch?: Fetch;
  readonly spawn?: typeof spawnWorker;
  readonly ports?: PortKeeper;
}

export interface Fleet {
  readonly view: FleetView;
  /** The newest process of each worker that was started, for run.json. */
  processes(): readonly { readonly name: string; readonly port: number; readonly process: WorkerProcess }[];
  readonly orders: FleetOrders;
  /** A stronger wish than before hurries; a weaker one changes nothing. */
  stop(wish: StopWish): void;
  /**
   * The exit code, once every worker is gone: 0 stopped as asked, 1 could not start, 75 a port was taken meanwhile, 130 somebody
   * could not wait.
   */
  readonly done: Promise<number>;
}
