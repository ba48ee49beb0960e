// Who is next: the most urgent first; among equally urgent ones sessions take turns, so that one with a thousand requests
// does not stand before one with a single request; within a session, first come, first served.

export interface Claim {
  /** The session; requests without one share a turn. */
  readonly flow: string;
  /** As vLLM's `priority`: the lower, the sooner. */
  readonly priority: number;
}

export interface FairQueue<T> {
  readonly size: number;
  add(item: T, claim: Claim): void;
  /** False when it is not there. */
  remove(item: T): boolean;
  /** Takes out who is next. */
  next(): T | undefined;
  /** Takes out the one that a newcomer may push out of a full queue: less urgent, or of a session with far more places. */
  makeRoomFor(claim: Claim): T | undefined;
}

export function makeFairQueue<T>(): FairQueue<T> {
  const lanes = new Map<number, Map<string, Set<T>>>();
  const claims = new Map<T, Claim>();
  const takeOut = (item: T): boolean => {
    const claim = claims.get(item);
    if (claim === undefined) return false;
    claims.delete(item);
    const lane = lanes.get(claim.priority)!;
    const flow = lane.get(claim.flow)!;
    flow.delete(item);
    if (flow.size === 0) lane.delete(claim.flow);
    if (lane.size === 0) lanes.delete(claim.priority);
    return true;
  };
  return {
    get size() {
      return claims.size;
    },
    add(item, claim) {
      claims.set(item, claim);
      const lane = lanes.get(claim.priority) ?? new Map<string, Set<T>>();
      lanes.set(claim.priority, lane);
      lane.set(claim.flow, (lane.get(claim.flow) ?? new Set<T>()).add(item));
    },
    remove: takeOut,
    next() {
      const lane = lanes.get(Math.min(...lanes.keys()));
      if (lane === undefined) return undefined;
      const [[name, flow]] = lane as unknown as [[string, Set<T>]];
      const [item] = flow as unknown as [T];
      takeOut(item);
      // The session has had its turn: it goes behind the others.
      if (lane.delete(name) && flow.size > 0) lane.set(name, flow);
      return item;
    },
    makeRoomFor(claim) {
      const worst = Math.max(...lanes.keys());
      if (worst < claim.priority || claims.size === 0) return undefined;
      const longest = [...lanes.get(worst)!.values()].reduce((a, b) => b.size > a.size ? b : a);
      const own = lanes.get(claim.priority)?.get(claim.flow)?.size ?? 0;
      if (worst === claim.priority && longest.size <= own + 1) return undefined;
      const newest = [...longest].at(-1)!;
      takeOut(newest);
      return newest;
    },
  };
}
