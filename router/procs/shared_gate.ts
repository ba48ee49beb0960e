// A gate with one limit for several processes. To enter, a process adds itself and then counts all; above the limit it takes
// itself away again. So the limit holds whoever races: of those inside, the last to add itself has counted all the others. Two
// may turn each other away from one place; they are back in a few milliseconds.
//
// Who waits, waits in its own process, and looks again every few milliseconds while there is anybody.

import type { Admission, Gate, Waiting } from "../admission.ts";
import { type Claim, makeFairQueue } from "../fair_queue.ts";
import type { Count, GateLimits } from "../numbers.ts";

export interface SharedGateParts {
  readonly inside: Count;
  readonly waiting: Count;
  /** One cell for all processes; 0 for the limit as set. */
  readonly places: { get(): number; set(value: number): void };
  /** In [0, 1). */
  readonly random: () => number;
}

/** No two processes look in step: half as long again by chance. */
const LOOK_MS = 3;
const noClaim: Claim = { flow: "", priority: 0 };

export function makeSharedGate(limits: GateLimits, parts: SharedGateParts): Gate {
  const { inside, waiting, places } = parts;
  const line = makeLine(limits.waiting, waiting);
  const whenEmpty: (() => void)[] = [];
  const { enter, placesNow, isOwnTurn } = entering(limits, parts);
  const letIn = () => {
    while (line.length > 0 && enter()) line.admitNext();
  };
  const tellIfEmpty = () => {
    if (whenEmpty.length > 0 && inside.sum === 0) { for (const callback of whenEmpty.splice(0)) callback(); }
  };
  const lookLater = makeLooking(parts.random, () => {
    letIn();
    tellIfEmpty();
    return line.length > 0 || whenEmpty.length > 0;
  });
  return {
    tryEnter: () => waiting.sum === 0 && enter(),
    queueUp(claim = noClaim) {
      const joined = line.join(claim);
      if (joined !== null) lookLater();
      return joined;
    },
    leave() {
      inside.add(-1);
      if (line.length > 0 && isOwnTurn(line.length)) letIn();
      tellIfEmpty();
    },
    onceEmpty(callback) {
      whenEmpty.push(callback);
      tellIfEmpty();
      lookLater();
    },
    resize(next) {
      places.set(next + 1);
      letIn();
    },
    get places() {
      return placesNow();
    },
    get inside() {
      return inside.sum;
    },
    get waiting() {
      return waiting.sum;
    },
  };
}

/** Who waits in this process; `most` is for all together. */
function makeLine(most: number, waiting: Count) {
  const queue = makeFairQueue<(admission: Admission) => void>();
  /** In a full line instead of somebody here who has less of a claim. */
  const takeTurn = (claim: Claim) => {
    waiting.add(1);
    if (waiting.sum <= most) return true;
    waiting.add(-1);
    const pushedOut = queue.makeRoomFor(claim);
    pushedOut?.("pushed-out");
    return pushedOut !== undefined;
  };
  return {
    get length() {
      return queue.size;
    },
    join(claim: Claim): Waiting | null {
      if (!takeTurn(claim)) return null;
      const { promise: admitted, resolve } = Promise.withResolvers<Admission>();
      queue.add(resolve, claim);
      const giveUp = () => {
        if (!queue.remove(resolve)) return;
        waiting.add(-1);
        resolve("gave-up");
      };
      return { admitted, giveUp };
    },
    admitNext() {
      waiting.add(-1);
      queue.next()!("admitted");
    },
  };
}

function entering(limits: GateLimits, { inside, waiting, places, random }: SharedGateParts) {
  const placesNow = () => {
    const told = places.get();
    return told === 0 ? limits.inside : told - 1;
  };
  return {
    placesNow,
    enter() {
      inside.add(1);
      if (inside.sum <= placesNow()) return true;
      inside.add(-1);
      return false;
    },
    /** The place that became free goes to the processes by turns, as many as wait in each. */
    isOwnTurn(own: number) {
      const all = waiting.sum;
      return all <= own || random() * all < own;
    },
  };
}

/** Looks again and again for as long as `look` says that there is a reason to. */
function makeLooking(random: () => number, look: () => boolean): () => void {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const later = () => {
    if (timer !== null) return;
    timer = setTimeout(() => {
      timer = null;
      if (look()) later();
    }, LOOK_MS * (1 + random() / 2));
    timer.unref();
  };
  return later;
}
