// Traces for a run that asks for them. The tracer is loaded while the workers start, so that no start waits for it.

import type { OtlpOptions } from "./otlp_tracing.ts";
import type { Tracing } from "./tracing.ts";

export function loadTracing(options: OtlpOptions): Tracing {
  let tracing: Tracing | null = null;
  const loaded = import("./otlp_tracing.ts").then(({ otlpTracing }) => tracing = otlpTracing(options));
  return {
    startRequest: (ask) => tracing?.startRequest(ask) ?? null,
    close: async () => await (await loaded).close(),
  };
}
