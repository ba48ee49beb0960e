// The administrator's paths of engines that nobody has listed, a later version's among them: asked of every worker as they
// are, but for those that would leave pdserve with another fleet than the one it has planned and watches.

import type { Hono } from "hono";
import { isClosedPath } from "../closed_paths.ts";
import type { RouterIo } from "../router_io.ts";
import { askAll, everyWorker } from "./ask_all.ts";
import { answer, callOf, frozen } from "./engine_routes.ts";

/** Why not, and what does it instead. */
const refused: Readonly<Record<string, string>> = {
  "/scale_elastic_ep":
    "pdserve has planned each worker's ranks; change the settings and run pdserve reload, or POST /workers",
  "/pd_role_switch": "a worker's role is the plan's; change the settings and run pdserve reload",
  "/fault_tolerance/apply": "pdserve restarts the workers that it has started; run pdserve restart WORKER",
  "/shutdown": "run pdserve stop",
};

const ownPaths = /^\/(admin|workers|list_workers|add_worker|remove_worker)(\/|$)/;

/** After all other routes: it takes what they have left. */
export function addOtherRoutes(app: Hono, io: RouterIo): void {
  for (const [path, instead] of Object.entries(refused)) {
    const error = `${path} is not passed to the engines: ${instead}`;
    app.all(path, (c) => c.json({ status: "error", error, workers: [] }, 403));
  }
  // A trainer that joins its ranks to the engines' counts those of all of them.
  app.get("/get_world_size", async (c) => {
    const call = await callOf(c);
    const asked = await askAll(everyWorker(io), () => call, io);
    const sizes = asked.map(({ body }) => (body as { readonly world_size?: unknown } | null)?.world_size);
    if (!sizes.every((size) => typeof size === "number")) return answer(c, asked);
    return answer(c, asked, { world_size: sizes.reduce((sum, size) => sum + size, 0) });
  });
  app.all("*", async (c, next) => {
    const { method, path } = c.req;
    if (!isClosedPath(path) || ownPaths.test(path)) return await next();
    if (io.settings.takesWeights === false && method !== "GET" && path.includes("weight")) return frozen(c, io);
    const call = await callOf(c);
    return answer(c, await askAll(everyWorker(io), () => call, io));
  });
}
