// What a trainer or an operator asks of all engines at once, under the paths that engines have for it. Calls that bring weights
// are in weight_routes.ts.

import type { Context, Hono } from "hono";
import type { Slot } from "../roster.ts";
import type { RouterIo } from "../router_io.ts";
import type { Process } from "../weights.ts";
import { askAll, type Asked, type Call, everyWorker, isGood } from "./ask_all.ts";
import { adapterIn, versionIn } from "./weight_calls.ts";

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

const falling = ["/sleep", "/release_memory_occupation"];
const waking = ["/wake_up", "/resume_memory_occupation"];

/** Between the first and the second of these, calls are one update together. */
const opening = ["/pause", "/pause_generation", "/start_weight_update"];
const closing = ["/resume", "/continue_generation", "/finish_weight_update"];

export function addEngineRoutes(app: Hono, io: RouterIo): void {
  for (const [method, path] of plain) {
    app.on(method, path, async (c) => {
      const call = await callOf(c);
      const slots = everyWorker(io);
      if (opening.includes(path)) io.weights.open(processesOf(slots));
      const asked = await askAll(slots, () => call, io);
      if (asked.every(isGood)) noteDone(path, call, slots, io);
      noteAdapter(path, call, slots, asked, io);
      return answer(c, asked);
    });
  }
}

function noteDone(path: string, call: Call, slots: readonly Slot[], { weights }: RouterIo): void {
  const version = versionIn(call);
  if (version !== null) weights.name(version, processesOf(slots));
  if (path.startsWith("/pause")) weights.isPaused = true;
  if (falling.includes(path)) weights.isAsleep = true;
  if (waking.includes(path) && wakesAll(call)) weights.isAsleep = false;
  if (!closing.includes(path)) return;
  weights.isPaused &&= path === "/finish_weight_update";
  if (!weights.isPaused) weights.close();
}

/** Trainers wake weights first and the KV cache last, by `tags` in the query (vLLM) or the body (SGLang). */
function wakesAll({ path, body }: Call): boolean {
  const text = path + new TextDecoder().decode(body);
  return !text.includes("tags") || text.includes("kv_cache");
}

/** A worker that restarts has none of those that were loaded while it ran. */
function noteAdapter(
  path: string,
  call: Call,
  slots: readonly Slot[],
  asked: readonly Asked[],
  { weights }: RouterIo,
): void {
  const adapter = path.endsWith("load_lora_adapter") ? adapterIn(call) : null;
  if (adapter === null) return;
  if (path.endsWith("/unload_lora_adapter")) return void weights.adapters.delete(adapter);
  const took = slots.filter((_, index) => isGood(asked[index]!));
  weights.load(adapter, { path: call.path, body: call.body, isWhole: true }, processesOf(slots), processesOf(took));
}

export function processesOf(slots: readonly Slot[]): readonly Process[] {
  return slots.map(({ worker }) => worker);
}

/** A reference or a judge: a trainer that means another model must not change this one. */
export function frozen(c: Context, { settings: { servedModelName } }: RouterIo): Response {
  const error = `${servedModelName} takes no new weights: its topology says update_weights: false`;
  return c.json({ status: "error", error, workers: [] }, 409);
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
