// The API's listening socket, which further router processes may share.

import type { Plan } from "../plan/plan.ts";
import { type Listening, type ListenOptions, serve } from "../router/serve.ts";
import { claimPort } from "../supervisor/native.ts";

export function listenForClients(
  answering: Parameters<typeof serve>[0],
  { host, port, processes = 1 }: Plan["router"],
  given: Pick<ListenOptions, "maxBodyBytes" | "tls" | "server" | "onRefused">,
): Listening {
  const options = { host, port, ...given };
  if (processes === 1) return serve(answering, options);
  // Two runs of one user that both share their port would get each other's clients; the claim goes with this process.
  if (port !== 0 && claimPort(port) === null) return { is: "taken" };
  return serve(answering, { ...options, reusePort: true });
}
