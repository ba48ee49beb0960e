// What a fleet needs of the world, so that tests can give it another one.

import type { Connector } from "../kv/connector.ts";
import type { Clock } from "./clock.ts";
import type { Engine } from "./engines/engine.ts";
import type { EventStream } from "./event_stream.ts";
import type { PortKeeper } from "./hold_ports.ts";
import type { LogStore } from "./log_store.ts";
import type { Fetch } from "./probe.ts";
import type { Prove } from "./prove_fleet.ts";
import type { RestartRule } from "./restart.ts";
import type { RunIdentity } from "./run_identity.ts";
import type { spawnWorker } from "./spawn.ts";
import type { InFlight } from "./stop_fleet.ts";
import type { GpuHolder } from "./worker_process.ts";

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
