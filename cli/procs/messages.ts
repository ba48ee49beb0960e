// What core and further router processes tell each other. Structured-clone values over a private channel: settings hold keys, and
// Infinity is among the numbers.

import type { Json } from "../../kv/json.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Part } from "../../router/numbers.ts";
import type { RequestRecord } from "../../router/request_ring.ts";
import type { FleetSnapshot } from "../../supervisor/snapshot.ts";
import type { Spec } from "../../plan/spec.ts";

export type ToRouter =
  | ServeMessage
  | { readonly is: "picture"; readonly picture: Picture }
  /** Answered by `told` with the same number, after all that was sent before has been taken in. */
  | { readonly is: "ask"; readonly question: number }
  | { readonly is: "end" };

/** What to serve: first of all, and again after a reload that changes the router. */
export interface ServeMessage {
  readonly is: "serve";
  /** Grows with each reload. */
  readonly generation: number;
  readonly part: Part;
  readonly memory: SharedMemory;
  readonly run: RoutedRunText;
  readonly picture: Picture;
  readonly listen: { readonly host: string; readonly port: number; readonly maxBodyBytes: number };
  /** The Unix socket on which the core answers for all processes. */
  readonly coreSocket: string;
}

export interface SharedMemory {
  readonly path: string;
  /** On the machine's monotonic clock. */
  readonly madeAtMs: number;
}

/** A routed run without its functions, which both sides have. */
export interface RoutedRunText {
  readonly spec: Spec;
  readonly engine: string;
  readonly plan: Plan;
  readonly connector: { readonly name: string; readonly extraConfig: Readonly<Record<string, Json>> };
  readonly logPath: string;
}

/** What a router goes by. */
export interface Picture {
  readonly snapshot: FleetSnapshot;
  /** By number; see router/procs/worker_numbers.ts. */
  readonly names: readonly string[];
  readonly weights: {
    readonly version: string | null;
    /** Workers that have missed them. */
    readonly stale: readonly string[];
    /** The engines make no token because somebody wants them not to. */
    readonly isHeld: boolean;
  };
}

export type FromRouter =
  /** It hears from now on. */
  | { readonly is: "started" }
  | { readonly is: "serves"; readonly generation: number }
  | { readonly is: "cannot-serve"; readonly reason: string }
  /** Each second, and when asked; `question` is null then. */
  | ToldMessage
  /** Nothing comes any more. */
  | { readonly is: "ended" }
  /** For the core's own stderr, which others must not write on. */
  | { readonly is: "says"; readonly text: string };

export interface ToldMessage {
  readonly is: "told";
  readonly question: number | null;
  readonly generation: number;
  /** Series that add up. */
  readonly metrics: string;
  readonly requests: readonly RequestRecord[];
}
