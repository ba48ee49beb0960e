// The workers as lists and routes that routers before this one have: SMG's REST style and vllm-router's older one.

import type { Hono } from "hono";
import { z } from "zod";
import type { Slot } from "../roster.ts";
import type { RouterIo } from "../router_io.ts";
import { getFromWorker } from "../worker_get.ts";
import type { AddedWorkers } from "./added_workers.ts";

const roles = ["prefill", "decode", "regular"] as const;

const wish = z.object({
  url: z.string(),
  worker_type: z.enum(roles).default("regular"),
  bootstrap_port: z.number().int().min(1).max(65_535).nullish(),
});

const PROBE_LIMIT_MS = 2_000;
const LOOK_AGAIN_MS = 1_000;

export function addWorkerRoutes(app: Hono, workers: AddedWorkers, io: RouterIo): void {
  // Those that the router before a reload was still waiting for.
  for (const name of workers.starting()) void takeInWhenReady(name, workers, io);
  app.get("/workers", (c) => c.json(listOf(io)));
  app.get(
    "/list_workers",
    (c) => c.json({ urls: io.roster.all().filter(takesRequests).map((slot) => slot.worker.url) }),
  );
  app.get("/workers/:id{.+}", (c) => {
    const slot = slotOf(c.req.param("id"), io);
    return slot === null ? c.json(unknown(c.req.param("id")), 404) : c.json(cardOf(slot, io));
  });
  app.post("/workers", async (c) => {
    const read = wish.safeParse(await c.req.json().catch(() => null));
    if (!read.success) return c.json({ error: z.prettifyError(read.error) }, 400);
    const name = add(read.data, workers, io);
    if (name === null) return c.json({ error: `${JSON.stringify(read.data.url)} is no URL of a worker` }, 400);
    return c.json({ status: "accepted", worker_id: name, url: read.data.url, location: `/workers/${name}` }, 202);
  });
  app.delete("/workers/:id{.+}", (c) => {
    const id = c.req.param("id");
    if (!remove(id, workers, io)) return c.json(unknown(id), 404);
    return c.json({ status: "accepted", worker_id: id }, 202);
  });
  app.post("/add_worker", (c) => {
    const { url = "", worker_type, bootstrap_port } = c.req.query();
    const read = wish.safeParse({ url, worker_type, bootstrap_port: bootstrap_port ? Number(bootstrap_port) : null });
    const name = read.success ? add(read.data, workers, io) : null;
    return name === null ? c.text(`No worker's URL: ${url}`, 400) : c.text(`Successfully added worker: ${url}`);
  });
  app.post("/remove_worker", (c) => {
    const url = c.req.query("url") ?? "";
    return remove(url, workers, io)
      ? c.text(`Successfully removed worker: ${url}`)
      : c.text(`No such worker: ${url}`, 404);
  });
}

function add(
  { url, worker_type, bootstrap_port }: z.infer<typeof wish>,
  workers: AddedWorkers,
  io: RouterIo,
): string | null {
  const separator = url.includes("#") ? "&" : "#";
  const facts = workers.add(bootstrap_port ? `${url}${separator}bootstrap=${bootstrap_port}` : url, worker_type);
  if (facts === null) return null;
  void takeInWhenReady(facts.name, workers, io);
  return facts.name;
}

/** Asked again until it answers or is removed: it may still be loading its model. */
async function takeInWhenReady(name: string, workers: AddedWorkers, io: RouterIo): Promise<void> {
  for (;;) {
    const slot = io.roster.named(name);
    if (slot === null || slot.worker.state.is !== "starting" || io.isClosed()) return;
    const where = { url: slot.worker.url, path: "/health", apiKey: io.roster.workerApiKey, limitMs: PROBE_LIMIT_MS };
    const answer = await getFromWorker(io.upstream, where);
    if (answer.is === "text" && answer.status === 200) return workers.markReady(name);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS).unref());
  }
}

/** No new request from now on; it is forgotten when the last one has left it. */
function remove(id: string, workers: AddedWorkers, io: RouterIo): boolean {
  const slot = slotOf(id, io);
  if (slot === null || !workers.remove(slot.name)) return false;
  const forgetWhenIdle = () => {
    if (slot.inFlight === 0 || io.isClosed()) workers.forget(slot.name);
    else setTimeout(forgetWhenIdle, LOOK_AGAIN_MS).unref();
  };
  forgetWhenIdle();
  return true;
}

/** By name, or by URL as it is or percent-encoded. */
function slotOf(id: string, { roster }: RouterIo): Slot | null {
  const url = id.replace(/\/+$/, "");
  return roster.named(id) ?? roster.all().find(({ worker }) => worker.url === url) ?? null;
}

function listOf(io: RouterIo) {
  const workers = io.roster.all().filter(takesRequests).map((slot) => cardOf(slot, io));
  const count = (role: string) => workers.filter((worker) => worker.worker_type === role).length;
  const stats = { prefill_count: count("prefill"), decode_count: count("decode"), regular_count: count("regular") };
  return { workers, total: workers.length, stats };
}

function cardOf({ name, worker, inFlight }: Slot, { health, settings }: RouterIo) {
  return {
    id: name,
    url: worker.url,
    model_id: settings.servedModelName,
    worker_type: worker.facts.role,
    state: worker.state.is,
    is_healthy: worker.state.is === "ready" && !health.avoids(name),
    load: inFlight,
    generation: worker.generation,
    bootstrap_port: worker.facts.ports.bootstrap ?? null,
    priority: 0,
    cost: 1,
    connection_mode: "http",
  };
}

function unknown(id: string) {
  return { error: `There is no worker ${JSON.stringify(id)}; GET /workers lists them` };
}

/** Encoders do not: a trainer that finds them in the list would send them prompts. */
function takesRequests({ worker }: Slot): boolean {
  return worker.facts.role !== "encode";
}
