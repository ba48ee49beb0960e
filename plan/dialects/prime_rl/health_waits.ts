// PRIME-RL's orchestrator waits for GET /health, half an hour if need be, and asks nothing else before its first request.

import type { Saying } from "../../layer.ts";
import type { Origin } from "../../spec.ts";

export function healthWaits(origin: Origin): readonly Saying[] {
  return [{ key: "health", text: "ready", origin }];
}
