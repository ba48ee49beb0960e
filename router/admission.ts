// How many may be inside at once, and who waits for a place, up to a limit.

import { type Claim, makeFairQueue } from "./fair_queue.ts";

export interface Gate {
  /** Takes a place when one is free and nobody waits. Most requests get in here, without a promise. */
  tryEnter(): boolean;
  /** Joins the queue; null when the queue is full too and nobody in it has less of a claim. */
  queueUp(claim?: Claim): Waiting | null;
  /** Gives the place to the next in the queue, or frees it. */
  leave(): void;
  /** Calls back once, as soon as nobody is inside; at once when nobody is. */
  onceEmpty(callback: () => void): void;
  /** How many may be inside from now on; who is inside stays. */
  resize(places: number): void;
  readonly places: number;
  readonly inside: number;
  readonly waiting: number;
}

/** `pushed-out`: the queue was full and somebody with a better claim came. */
export type Admission = "admitted" | "gave-up" | "pushed-out";

export interface Waiting {
  readonly admitted: Promise<Admission>;
  giveUp(): void;
}

const noClaim: Claim = { flow: "", priority: 0 };

export function makeGate(limits: { readonly inside: number; readonly waiting: number }): Gate {
  const queue = makeFairQueue<(admission: Admission) => void>();
  const whenEmpty: (() => void)[] = [];
  let places = limits.inside;
  let inside = 0;
  const letIn = () => {
    while (inside < places && queue.size > 0) {
      inside++;
      queue.next()!("admitted");
    }
  };
  return {
    tryEnter() {
      if (inside >= places || queue.size > 0) return false;
      inside++;
      return true;
    },
    queueUp(claim = noClaim) {
      if (queue.size >= limits.waiting) {
        const pushedOut = queue.makeRoomFor(claim);
        if (pushedOut === undefined) return null;
        pushedOut("pushed-out");
      }
      const { promise: admitted, resolve } = Promise.withResolvers<Admission>();
      queue.add(resolve, claim);
      const giveUp = () => {
        if (queue.remove(resolve)) resolve("gave-up");
      };
      return { admitted, giveUp };
    },
    leave() {
      inside--;
      if (queue.size > 0) letIn();
      if (inside === 0) { for (const callback of whenEmpty.splice(0)) callback(); }
    },
    onceEmpty(callback) {
      if (inside === 0) callback();
      else whenEmpty.push(callback);
    },
    resize(next) {
      places = next;
      letIn();
    },
    get places() {
      return places;
    },
    get inside() {
      return inside;
    },
    get waiting() {
      return queue.size;
    },
  };
}
