// The administrator's routes: workers, engines, requests. For the run's own socket, or for the API's listener with a token.

import { Hono } from "hono";
import type { RouterIo } from "../router_io.ts";
import type { AddedWorkers } from "./added_workers.ts";
import { addEngineRoutes } from "./engine_routes.ts";
import { addOtherRoutes } from "./other_routes.ts";
import { addRequestRoutes } from "./request_routes.ts";
import { addWeightRoutes } from "./weight_routes.ts";
import { addWorkerRoutes } from "./worker_routes.ts";

export function makeAdminApp(workers: AddedWorkers, io: RouterIo): Hono {
  const app = new Hono();
  addWorkerRoutes(app, workers, io);
  addEngineRoutes(app, io);
  addWeightRoutes(app, io);
  addRequestRoutes(app, io);
  addOtherRoutes(app, io);
  app.notFound((c) => c.json({ error: `${c.req.method} ${c.req.path} is not served here` }, 404));
  app.onError((error, c) => {
    io.log("error", "An admin route ended by a bug", { path: c.req.path, error: String(error.stack ?? error) });
    return c.json({ error: "pdserve failed to do this; its log says why" }, 500);
  });
  return app;
}
