// Puts the admin API on the run's Unix socket, which only the owner of the run can open.

import { chmodSync, rmSync } from "node:fs";
import type { Hono } from "hono";
import { byFetch, serve } from "../router/serve.ts";
import type { RunDir } from "./run_dir.ts";

/** Admin requests are small. */
const MAX_BODY_BYTES = 1024 * 1024;

export type Serving = { readonly is: "serving"; stop(): Promise<void> } | {
  readonly is: "failed";
  readonly reason: string;
};

export function serveControl(app: Hono, { socketPath }: Pick<RunDir, "socketPath">): Serving {
  const listening = serve(byFetch((request) => app.fetch(request)), {
    host: "",
    port: 0,
    unix: socketPath,
    maxBodyBytes: MAX_BODY_BYTES,
  });
  if (listening.is === "taken") return { is: "failed", reason: `${socketPath} is in use` };
  if (listening.is === "failed") return listening;
  chmodSync(socketPath, 0o600);
  return {
    is: "serving",
    async stop() {
      await listening.listener.stop(true);
      rmSync(socketPath, { force: true });
    },
  };
}
