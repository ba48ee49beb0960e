// One stream of events in, a screen or lines out: tty, plain, json and quiet renderers.

import type { FleetEvent } from "../../supervisor/events.ts";

export interface Reporter {
  event(event: FleetEvent): void;
  /** Leaves the terminal as a program should; called once, last. */
  end(): void;
}

/** Where a renderer writes: stderr in real life, a buffer in tests. */
export interface Screen {
  write(text: string): void;
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
}

/** What renderers tell that no event does. */
export interface RunFacts {
  readonly version: string;
  /** Clients must send a key. */
  readonly needsApiKey: boolean;
}

/** Time as a screen needs it; tests move it by hand. */
export interface RedrawClock {
  nowMs(): number;
  /** Returns how to stop. */
  every(ms: number, run: () => void): () => void;
}
