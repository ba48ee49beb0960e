// What a trainer or an operator asks of all engines at once, under the paths that engines have for it.
// An update is a sequence: admission held, handoffs done, pause, reset, update, and resume whatever happened.

import type { Context, Hono } from "hono";
import type { RouterIo } from "../router_io.ts";
import { askAll, type Asked, type Call, everyWorker, isGood } from "./ask_all.ts";
import { holdAdmission } from "./hold_admission.ts";
import { broadcastBody } from "./broadcast_body.ts";

/** Asked of every worker at once with the caller's query and body. */
const plain: readonly (readonly ["GET" | "POST", string])[] = [
  ["POST", "/pause"],
  ["POST", "/resume"],
  ["POST", "/pause_generation"],
  ["POST", "/continue_generation"],
  ["POST", "/reset_prefix_cache"],
  ["POST", "/reset_mm_cache"],
  ["POST", "/reset_encoder_cache"],
  ["POST", "/flush_cache"],
  ["GET", "/flush_cache"],
  ["POST", "/sleep"],
  ["POST", "/wake_up"],
  ["POST", "/release_memory_occupation"],
  ["POST", "/resume_memory_occupation"],
  ["POST", "/load_lora_adapter"],
  ["POST", "/unload_lora_adapter"],
  ["POST", "/v1/load_lora_adapter"],
  ["POST", "/v1/unload_lora_adapter"],
  ["POST", "/abort_request"],
  ["POST", "/abort_requests"],
  ["POST", "/inference/v1/abort_requests"],
  ["POST", "/start_weight_update"],
  ["POST", "/finish_weight_update"],
  ["POST", "/update_weight_version"],
  ["POST", "/start_profile"],
  ["POST", "/stop_profile"],
  // What SGLang tells of itself; slime asks by the older names.
  ["GET", "/server_info"],
  ["GET", "/get_server_info"],
  ["GET", "/model_info"],
  ["GET", "/get_model_info"],
  ["GET", "/is_paused"],
  ["GET", "/is_sleeping"],
  ["GET", "/weight_info"],
  ["GET", "/get_weight_version"],
];

const updates = ["/update_weights", "/reload_weights", "/update_weights_from_disk", "/update_weights_from_distributed"];
const broadcasts = ["/init_broadcaster", "/init_weight_transfer_engine", "/init_weights_update_group"];

/** Members of the calls above that name the weights they bring. */
const versionMembers = ["weight_version", "new_version", "weight_dir"];

export function addEngineRoutes(app: Hono, io: RouterIo): void {
  let isPaused = false;
  for (const [method, path] of plain) {
    app.on(method, path, async (c) => {
      const call = await callOf(c);
      const asked = await askAll(everyWorker(io), () => call, io);
      if (asked.every(isGood)) {
        if (/^\/pause/.test(path)) isPaused = true;
        if (/^\/(resume|continue)/.test(path)) isPaused = false;
        noteVersion(call, false, io);
      }
      return answer(c, asked);
    });
  }
  for (const path of updates) {
    app.post(path, async (c) => {
      if (io.settings.takesWeights === false) return frozen(c, io);
      const call = await callOf(c);
      // Whoever has paused the engines wants to resume them too.
      const asked = isPaused ? await askAll(everyWorker(io), () => call, io) : await updateAll(call, io);
      if (asked.every(isGood)) noteVersion(call, true, io);
      return answer(c, asked);
    });
  }
  for (const path of broadcasts) {
    app.post(path, async (c) => {
      if (io.settings.takesWeights === false) return frozen(c, io);
      const call = await callOf(c);
      const slots = everyWorker(io);
      return answer(c, await askAll(slots, (_, i) => ({ ...call, body: broadcastBody(call.body, slots, i) }), io));
    });
  }
}

/** A reference or a judge: a trainer that means another model must not change this one. */
export function frozen(c: Context, { settings: { servedModelName } }: RouterIo): Response {
  const error = `${servedModelName} takes no new weights: its topology says update_weights: false`;
  return c.json({ status: "error", error, workers: [] }, 409);
}

/** All or reported: the first step that fails is the last, but for the resuming. */
async function updateAll(update: Call, io: RouterIo): Promise<Asked[]> {
  const slots = everyWorker(io);
  const letGo = await holdAdmission(io);
  const post = (path: string): Call => ({ method: "POST", path, body: new Uint8Array() });
  const asked: Asked[] = [];
  const step = async (call: Call, isOffered: boolean): Promise<boolean> => {
    const done = (await askAll(slots, () => call, io)).filter((one) => isOffered || one.status !== 404);
    asked.push(...done);
    return done.every(isGood);
  };
  try {
    // Engines have these only in their development mode; those that do not are updated as they run.
    const isReady = await step(post("/pause?mode=keep&clear_cache=false"), false) &&
      await step(post("/reset_prefix_cache"), false);
    if (isReady) await step(update, true);
    await step(post("/resume"), false);
  } finally {
    letGo();
  }
  return asked;
}

/** Shown with every answer from now on, so that a trainer can tell by which weights a sample was made. */
function noteVersion({ body }: Call, isUpdate: boolean, { weights }: RouterIo): void {
  const said = versionIn(body);
  if (said !== null) weights.version = said;
  else if (isUpdate) weights.version = String(Number(weights.version ?? 0) + 1 || 1);
}

function versionIn(body: Uint8Array): string | null {
  try {
    const members = JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown>;
    const found = versionMembers.map((name) => members[name]).find((value) =>
      ["string", "number"].includes(typeof value)
    );
    // Into a header: a folder's last part, and nothing that a header cannot hold.
    return found === undefined
      ? null
      : String(found).replace(/\/+$/, "").split("/").at(-1)!.replace(/[^\x21-\x7e]/g, "_");
  } catch {
    return null;
  }
}

export async function callOf(c: Context): Promise<Call> {
  const { pathname, search } = new URL(c.req.url);
  const body = c.req.method === "GET" ? new Uint8Array() : new Uint8Array(await c.req.arrayBuffer());
  return { method: c.req.method, path: pathname + search, body };
}

/** The first worker's own words where all are of one mind, as a single engine would answer; else who said what. */
export function answer(c: Context, asked: readonly Asked[], joined: Readonly<Record<string, unknown>> = {}): Response {
  if (asked.length === 0) return c.json({ status: "error", error: "There is no worker to ask", workers: [] }, 503);
  const failed = asked.filter((one) => !isGood(one));
  if (failed.length === 0) {
    const first = asked[0]!.body;
    const own = typeof first === "object" && first !== null && !Array.isArray(first) ? first : {};
    return c.json({ status: "ok", ...own, ...joined, workers: asked });
  }
  const who = [...new Set(failed.map(({ worker }) => worker))].join(", ");
  const error = `${who} did not do ${failed[0]!.step}`;
  // Where all of them refuse with the same 4xx, it is the call that is wrong.
  const statuses = new Set(asked.map(({ status }) => status));
  const [only] = statuses;
  const status = statuses.size === 1 && only !== null && only! < 500 ? only! : 502;
  return c.json({ status: "error", error, workers: asked }, status as 502);
}
