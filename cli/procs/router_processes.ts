// The further router processes of a run, as the core keeps them: what they share with its own router, what they are told, and
// what becomes of what one leaves behind.

import type { Problem } from "../../plan/problem.ts";
import type { Router } from "../../router/make_router.ts";
import { settleRow } from "../../router/procs/settle_row.ts";
import type { Siblings } from "../../router/procs/siblings.ts";
import { makeWorkerNumbers } from "../../router/procs/worker_numbers.ts";
import { selfCommand } from "../../supervisor/self_command.ts";
import { type Exit, spawnRouter } from "../../supervisor/spawn.ts";
import type { RoutedRun } from "../router_of_run.ts";
import { type Generation, openGeneration } from "./generation.ts";
import { keepRouterProcess, type KeptProcess } from "./keep_router_process.ts";
import type { ServeMessage } from "./messages.ts";
import { pictureOf, routedRunText } from "./order.ts";
import { makeSharing, type Sharing } from "./sharing.ts";

/** First argument of a router process's command line. */
const ROUTER_VERB = "__router";

export interface RouterProcesses {
  /** For the next router of this process: the others will share it. */
  share(): Sharing;
  /** The others serve as this router does from now on, and finish what they have as the one before it. */
  follow(router: Router, run: RoutedRun): void;
  close(): Promise<void>;
}

export interface ProcessesOptions {
  /** This one included. */
  readonly count: number;
  readonly listen: ServeMessage["listen"];
  readonly coreSocket: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly say: (text: string) => void;
  readonly warn: (problem: Problem) => void;
}

interface Followed {
  readonly generation: Generation;
  readonly router: Router;
  readonly run: RoutedRun;
  stopTelling(): void;
}

export function makeRouterProcesses(options: ProcessesOptions): RouterProcesses {
  const names = makeWorkerNumbers({ gives: true });
  const places: KeptProcess[] = [];
  /** Whose rows are settled when a process dies: that of now, and those that finish what they have. */
  const live = new Set<Generation>();
  /** Still to be found by a process that has not mapped the newest yet. */
  const open = new Set<Generation>();
  const { siblings, onDeath } = makeSiblings(places);
  let newest: Generation | null = null;
  let followed: Followed | null = null;
  const order = (row: number): ServeMessage => {
    const { generation, router, run } = followed!;
    const part = { at: row, of: options.count };
    const { listen, coreSocket } = options;
    const what = { generation: generation.number, part, memory: generation.memory, listen, coreSocket };
    return { is: "serve", ...what, run: routedRunText(run), picture: pictureOf(router, names) };
  };
  const tell = () => {
    for (const place of places) place.send({ is: "picture", picture: pictureOf(followed!.router, names) });
  };
  const closeOldPaths = () => {
    const isLate = ({ generation }: KeptProcess) => generation !== newest!.number;
    if (places.some(isLate)) return;
    for (const one of open) if (one !== newest && open.delete(one)) one.closePath();
  };
  const onGone = (row: number, exit: Exit, reason: string | null) => {
    const left = [...live].map(({ cells }) => settleRow(cells, row, names.names.length).requests);
    onDeath();
    options.warn(deathOf(exit, reason, left.reduce((sum, requests) => sum + requests, 0)));
  };
  const calls = { order, generation: () => followed!.generation.number, onGone, onServes: closeOldPaths };
  return {
    share() {
      newest = openGeneration(options.count, (newest?.number ?? 0) + 1);
      live.add(newest);
      open.add(newest);
      const { memory, cells } = newest;
      return makeSharing({ memory, cells, part: { at: 0, of: options.count }, names, siblings });
    },
    follow(router, run) {
      const before = followed;
      followed = { generation: newest!, router, run, stopTelling: whenChanged(router, tell) };
      if (before === null) return void places.push(...startPlaces(options, calls));
      before.stopTelling();
      before.router.onIdle(() => live.delete(before.generation));
      places.forEach((place, at) => {
        place.forgetMetrics();
        place.send(order(at + 1));
      });
    },
    async close() {
      followed?.stopTelling();
      await Promise.all(places.map((place) => place.close()));
      for (const one of open) one.closePath();
    },
  };
}

/** Not made inside `follow`: what is made there keeps the router before alive, and that one the router before it. */
function whenChanged(router: Router, call: () => void): () => void {
  const endings = [router.workers.subscribe(call), router.weights.subscribe(call), whenHeld(router, call)];
  return () => endings.forEach((end) => end());
}

/** Nobody is told when a trainer pauses the engines; a second late is early enough for who waits minutes for a stall. */
function whenHeld({ weights }: Router, call: () => void): () => void {
  let { isHeld } = weights;
  const timer = setInterval(() => {
    if (weights.isHeld === isHeld) return;
    isHeld = weights.isHeld;
    call();
  }, 1_000);
  timer.unref();
  return () => clearInterval(timer);
}

interface PlaceCalls {
  order(row: number): ServeMessage;
  generation(): number;
  onGone(row: number, exit: Exit, reason: string | null): void;
  onServes(): void;
}

/** Row 0 is the core's. */
function startPlaces(
  { count, env, say }: ProcessesOptions,
  { order, generation, onGone, onServes }: PlaceCalls,
): KeptProcess[] {
  const argv = [...selfCommand(), ROUTER_VERB];
  return Array.from({ length: count - 1 }, (_, at) =>
    keepRouterProcess({
      spawn: (onMessage) => spawnRouter(argv, env, onMessage),
      order: () => order(at + 1),
      generation,
      onGone: (exit, reason) => onGone(at + 1, exit, reason),
      onServes,
      onSays: say,
    }));
}

function makeSiblings(places: readonly KeptProcess[]): { readonly siblings: Siblings; onDeath(): void } {
  let restarts = 0;
  const siblings: Siblings = {
    get running() {
      return places.filter(({ generation }) => generation !== null).length;
    },
    get restarts() {
      return restarts;
    },
    get metrics() {
      return places.map(({ metrics }) => metrics);
    },
    ask: async () => ({ requests: (await Promise.all(places.map((place) => place.ask()))).flat() }),
  };
  return { siblings, onDeath: () => void restarts++ };
}

function deathOf({ code, signal }: Exit, reason: string | null, requests: number): Problem {
  const how = reason ?? (signal === null ? `exit code ${code}` : signal);
  return {
    what: "A router process ended and is being replaced",
    why: requests === 0 ? how : `${how}; ${requests} requests of its clients broke off`,
    fix: "--router-procs 1 if it goes on; pdserve logs pdserve may say more",
    where: "flag --router-procs",
    severity: "warning",
  };
}
