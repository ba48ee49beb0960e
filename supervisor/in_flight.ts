// What runs in the router, for whoever must wait for its end.

/** Requests the router has in flight. */
export interface InFlight {
  count(): number;
  /** Requests and handoffs that need this worker. */
  ofWorker(name: string): number;
  /** Requests that will need it, because they are with another one and cannot go elsewhere then; left out for none. */
  expectedOn?(name: string): number;
  /** A trainer has paused the engines or put them to sleep: they make no token then, and are well. Left out: never. */
  isHeld?(): boolean;
  /** Resolves when all who give out requests know the workers' states of now; left out where that is so at once. */
  heard?(): Promise<void>;
  /** Calls back once, as soon as nothing is in flight; at once when nothing is. */
  onIdle(callback: () => void): void;
}
