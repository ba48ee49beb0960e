// How many requests may be inside at once, and who waits for a place: first come, first served, up to a limit.

export interface Gate {
  /** Takes a place when one is free and nobody waits. Most requests get in here, without a promise. */
  tryEnter(): boolean;
  /** Joins the queue; null when the queue is full too. */
  queueUp(): Waiting | null;
  /** Gives the place to the next in the queue, or frees it. */
  leave(): void;
  /** Calls back once, as soon as nobody is inside; at once when nobody is. */
  onceEmpty(callback: () => void): void;
  readonly inside: number;
  readonly waiting: number;
}

export interface Waiting {
  /** True with a place; false after `giveUp`. */
  readonly admitted: Promise<boolean>;
  giveUp(): void;
}

export function makeGate(limits: { readonly inside: number; readonly waiting: number }): Gate {
  const queue = new Set<(admitted: boolean) => void>();
  const whenEmpty: (() => void)[] = [];
  let inside = 0;
  return {
    tryEnter() {
      if (inside >= limits.inside || queue.size > 0) return false;
      inside++;
      return true;
    },
    queueUp() {
      if (queue.size >= limits.waiting) return null;
      const { promise: admitted, resolve } = Promise.withResolvers<boolean>();
      queue.add(resolve);
      const giveUp = () => {
        if (queue.delete(resolve)) resolve(false);
      };
      return { admitted, giveUp };
    },
    leave() {
      const [next] = queue;
      if (next !== undefined) {
        queue.delete(next);
        next(true);
        return;
      }
      inside--;
      if (inside === 0) { for (const callback of whenEmpty.splice(0)) callback(); }
    },
    onceEmpty(callback) {
      if (inside === 0) callback();
      else whenEmpty.push(callback);
    },
    get inside() {
      return inside;
    },
    get waiting() {
      return queue.size;
    },
  };
}
