// Gets workers with old weights back into rotation. One that restarted is asked what it has, for trainers also update engines
// directly; an update that was read from files is read again; and whoever tells the last version has it, however it came.

import type { FleetView } from "../supervisor/snapshot.ts";
import { askAll, everyWorker, isGood } from "./admin/ask_all.ts";
import type { Slot } from "./roster.ts";
import type { RouterIo } from "./router_io.ts";
import type { Update, WeightWatch } from "./weights.ts";
import { getFromWorker } from "./worker_get.ts";

type WatchIo = Pick<RouterIo, "roster" | "upstream" | "weights" | "settings" | "log">;

const PERIOD_MS = 2_000;
const LIMIT_MS = 2_000;
/** Of reading the same files again on one process: they may be gone, as PRIME-RL's are after some steps. */
const MOST_READINGS = 3;

export function makeWeightWatch(io: WatchIo, fleet: FleetView): WeightWatch {
  const busy = new Map<string, Promise<void>>();
  const readings = new Map<string, number>();
  const look = async () => {
    const lacking = io.roster.all().filter((slot) => isRunning(slot) && io.weights.holding(slot.worker) !== "has");
    await Promise.all(lacking.map((slot) => {
      const already = busy.get(slot.name);
      if (already !== undefined) return already;
      const looking = lookAfter(slot, readings, io).finally(() => busy.delete(slot.name));
      busy.set(slot.name, looking);
      return looking;
    }));
  };
  const unsubscribe = fleet.subscribe(() => void look());
  const timer = setInterval(() => void look(), PERIOD_MS);
  timer.unref();
  return {
    look,
    settled: async () => void await Promise.all(busy.values()),
    close() {
      clearInterval(timer);
      unsubscribe();
    },
  };
}

const decoder = new TextDecoder();

async function lookAfter(slot: Slot, readings: Map<string, number>, io: WatchIo): Promise<void> {
  const { worker } = slot;
  const { weights, log } = io;
  const before = weights.holding(worker);
  if (await tellsLast(slot, before, io)) return weights.accept(worker);
  if (before === "unsure") {
    weights.miss(worker);
    log(
      "warn",
      `${slot.name} restarted with older weights than the others have: no requests until its trainer updates it`,
    );
  }
  const { version, isOpen } = weights;
  const updates = updatesSince(weights);
  const reading = `${slot.name}#${worker.generation} ${updates.map(({ body }) => decoder.decode(body)).join()}`;
  const times = readings.get(reading) ?? 0;
  if (updates.length === 0 || isOpen || worker.state.is !== "ready" || times >= MOST_READINGS) return;
  readings.set(reading, times + 1);
  for (const update of updates) {
    const [done] = await askAll([slot], () => ({ ...update, method: "POST" }), io);
    if (!isGood(done!)) return log("warn", `${slot.name} could not read the last update again`, { ...done });
  }
  // What its proof has left in its prefix cache is KV of the old weights.
  await askAll([slot], () => ({ method: "POST", path: "/reset_prefix_cache", body: new Uint8Array() }), io);
  if (weights.version !== version) return;
  weights.accept(worker);
  log("info", `${slot.name} has read the trainer's weights again`);
}

/** What brings a fresh process to where the others are; none where that takes the trainer. */
function updatesSince({ last, adapters }: WatchIo["weights"]): readonly Update[] {
  if (last !== null && !last.isWhole) return [];
  return [...(last === null ? [] : [last]), ...adapters.values()];
}

/** By the engines' own words, where they have any: the trainer's last version, or what the others tell. */
async function tellsLast(slot: Slot, before: "misses" | "unsure" | "has", io: WatchIo): Promise<boolean> {
  const { weights } = io;
  // No engine tells its adapters' versions.
  if (weights.adapters.size > 0) return false;
  const own = await versionOf(slot, io);
  if (weights.version !== null) return own !== null && own === weights.version;
  const others = everyWorker(io).filter((one) => one !== slot && weights.holding(one.worker) === "has");
  const told = (await Promise.all(others.map((one) => versionOf(one, io)))).filter((version) => version !== null);
  if (own === null || told.length === 0) return before === "unsure";
  return told.includes(own);
}

async function versionOf({ worker }: Slot, { upstream, roster, settings }: WatchIo): Promise<string | null> {
  const { weightVersionPath } = settings;
  if (weightVersionPath === undefined || weightVersionPath === null) return null;
  const where = { url: worker.url, path: weightVersionPath, apiKey: roster.workerApiKey, limitMs: LIMIT_MS };
  const answer = await getFromWorker(upstream, where);
  if (answer.is === "failed" || answer.status !== 200) return null;
  try {
    const { weight_version } = JSON.parse(answer.text) as { readonly weight_version?: unknown };
    return typeof weight_version === "string" ? weight_version : null;
  } catch {
    return null;
  }
}

/** While it is being proven it answers already, and is known when it is ready. */
function isRunning({ worker: { state, facts } }: Slot): boolean {
  return (state.is === "ready" || state.is === "proving") && facts.role !== "encode";
}
