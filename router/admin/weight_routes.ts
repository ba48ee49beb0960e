// New weights for all engines, as trainers bring them, and what each worker has of them. An update is a sequence: admission
// held, handoffs done, pause, reset, update, and resume whatever happened.

import type { Context, Hono } from "hono";
import type { Slot } from "../roster.ts";
import type { RouterIo } from "../router_io.ts";
import { askAll, type Asked, type Call, everyWorker, isGood } from "./ask_all.ts";
import { broadcastBody } from "./broadcast_body.ts";
import { answer, callOf, frozen, processesOf } from "./engine_routes.ts";
import { holdAdmission } from "./hold_admission.ts";
import { groupOf } from "../weights.ts";
import { updateOf, versionIn } from "./weight_calls.ts";

const updates = ["/update_weights", "/reload_weights", "/update_weights_from_disk", "/update_weights_from_distributed"];
const broadcasts = ["/init_broadcaster", "/init_weight_transfer_engine", "/init_weights_update_group"];

export function addWeightRoutes(app: Hono, io: RouterIo): void {
  for (const path of updates) {
    app.post(path, async (c) => {
      if (io.settings.takesWeights === false) return frozen(c, io);
      const call = await callOf(c);
      const takers = takersOf(call, io);
      if (typeof takers === "string") return c.json({ status: "error", error: takers, workers: [] }, 409);
      // Whoever has paused the engines wants to resume them too.
      return answer(c, await (io.weights.isPaused ? bring(call, takers, io) : updateAll(call, takers, io)));
    });
  }
  for (const path of broadcasts) {
    app.post(path, async (c) => {
      if (io.settings.takesWeights === false) return frozen(c, io);
      const call = await callOf(c);
      const slots = everyWorker(io);
      const asked = await askAll(slots, (_, i) => ({ ...call, body: broadcastBody(call.body, slots, i) }), io);
      if (asked.every(isGood)) io.weights.group = groupOf(path, processesOf(slots));
      return answer(c, asked);
    });
  }
  app.get(
    "/weights",
    (c) => c.json({ schema: 1, version: io.weights.version, workers: everyWorker(io).map(heldBy(io)) }),
  );
  app.post("/workers/:name/accept_weights", (c) => accept(c, io));
}

/** Whom to ask; a broadcast that has lost a member would hang for all of them, so then why not. */
function takersOf(call: Call, io: RouterIo): readonly Slot[] | string {
  const slots = everyWorker(io);
  const { group } = io.weights;
  if (group === null || updateOf(call).isWhole) return slots;
  const members = slots.filter(({ worker }) => group.has(worker));
  if (members.length === group.size) return members;
  const others = slots.filter(({ worker }) => !group.has(worker)).map(({ name }) => name).join(", ");
  const who = others === "" ? "a worker that is gone" : others;
  return `The broadcast would wait for ever for ${who}, restarted since ${group.path}; call ${group.path} again`;
}

/** All or reported: the first step that fails is the last, but for the resuming. */
async function updateAll(update: Call, slots: readonly Slot[], io: RouterIo): Promise<Asked[]> {
  const isOwn = !io.weights.isOpen;
  io.weights.open(processesOf(slots));
  const letGo = await holdAdmission(io);
  const asked: Asked[] = [];
  // Engines have these only in their development mode; those that do not are updated as they run.
  const step = async (path: string): Promise<boolean> => {
    const call = { method: "POST", path, body: new Uint8Array() };
    const done = (await askAll(slots, () => call, io)).filter(({ status }) => status !== 404);
    asked.push(...done);
    return done.every(isGood);
  };
  try {
    const isReady = await step("/pause?mode=keep&clear_cache=false") && await step("/reset_prefix_cache");
    if (isReady) asked.push(...await bring(update, slots, io));
    await step("/resume");
  } finally {
    if (isOwn) io.weights.close();
    letGo();
  }
  return asked;
}

/** Who fails keeps its old weights, and gets no request beside those that have the new ones. */
async function bring(call: Call, slots: readonly Slot[], io: RouterIo): Promise<readonly Asked[]> {
  await io.weightWatch.settled();
  const asked = await askAll(slots, () => call, io);
  const took = slots.filter((_, index) => isGood(asked[index]!));
  io.weights.bring(updateOf(call), processesOf(took), versionIn(call));
  return asked;
}

/** An administrator who has brought it the weights by other means says so. */
function accept(c: Context, io: RouterIo): Response {
  const slot = io.roster.named(c.req.param("name") ?? "");
  if (slot === null) return c.json({ error: "No such worker; GET /workers lists them" }, 404);
  io.weights.accept(slot.worker);
  return c.json({ schema: 1, ...heldBy(io)(slot) });
}

const heldBy = ({ weights }: RouterIo) => ({ name, worker }: Slot) => {
  return { worker: name, generation: worker.generation, weights: words[weights.holding(worker)] };
};

const words = { has: "current", misses: "stale", unsure: "being asked" } as const;
