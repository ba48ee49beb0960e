// What the core's router asks of the other router processes of its run, to answer for all of them.

import type { RequestRecord } from "../request_ring.ts";

export interface Siblings {
  /** How many serve now. */
  readonly running: number;
  /** How many had to be replaced because they died. */
  readonly restarts: number;
  /** Their series that add up, as last told; what the dead had told is among them. */
  readonly metrics: readonly string[];
  /** Asks them anew; who does not answer soon is left as last told. */
  ask(): Promise<Told>;
}

export interface Told {
  /** Of each process: those that run, then the last that have ended. */
  readonly requests: readonly RequestRecord[];
}
