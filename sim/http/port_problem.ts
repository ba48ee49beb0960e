// Whether the HTTP port can be had; vLLM finds out early, before it loads a model.

import { createServer } from "node:net";
import { pythonError } from "../settings/read_settings.ts";

/** Python's complaint for stderr, or null when the port is free now. */
export async function httpPortProblem(host: string, port: number): Promise<string | null> {
  if (port < 0 || port > 65_535) return pythonError("OverflowError: bind(): port must be 0-65535.").stderr;
  const code = await new Promise<string | null>((resolve) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(null)));
  });
  if (code === null) return null;
  const error = code === "EADDRNOTAVAIL"
    ? "OSError: [Errno 99] Cannot assign requested address"
    : "OSError: [Errno 98] Address already in use";
  return pythonError(error).stderr;
}
