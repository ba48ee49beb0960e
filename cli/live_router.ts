// The router that answers now. A reload puts another in its place, and the one before finishes what it has.

import type { Router, RunningOn } from "../router/make_router.ts";

export interface LiveRouter extends Router {
  replace(next: Router): void;
}

export function liveRouter(first: Router): LiveRouter {
  let current = first;
  const retired = new Set<Router>();
  const all = () => [current, ...retired];
  return {
    fetch: (request) => current.fetch(request),
    answer: (request) => current.answer(request),
    refused: (status) => current.refused(status),
    admin: (request) => current.admin(request),
    prove: (pair, limits) => current.prove(pair, limits),
    inFlight: () => all().reduce((sum, router) => sum + router.inFlight(), 0),
    load(worker) {
      const loads = all().map((router) => router.load(worker));
      const sum = (of: keyof RunningOn) => loads.reduce((total, load) => total + load[of], 0);
      return { requests: sum("requests"), handoffs: sum("handoffs"), expected: sum("expected") };
    },
    heard: () => current.heard(),
    onIdle(callback) {
      let busy = all().length;
      for (const router of all()) router.onIdle(() => --busy === 0 && callback());
    },
    metricsText: () => current.metricsText(),
    get workers() {
      return current.workers;
    },
    get weights() {
      return current.weights;
    },
    ownPart: () => current.ownPart(),
    replace(next) {
      const before = current;
      current = next;
      retired.add(before);
      before.onIdle(() => {
        retired.delete(before);
        void before.close();
      });
    },
    async close() {
      await Promise.all(all().map((router) => router.close()));
    },
  };
}
