// Traces over OTLP/HTTP: a span for each request, under the client's own where it sent one (W3C Trace Context), and one for
// each leg, which the worker takes for its parent.

import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import type { TextMapGetter, TextMapSetter } from "@opentelemetry/api";
import { setGlobalErrorHandler, W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { LegOpening } from "./leg.ts";
import type { HeaderList } from "./leg_headers.ts";
import type { RequestRecord } from "./request_ring.ts";
import type { RouterLog } from "./router_io.ts";
import type { LegSpan, RequestSpan, Tracing } from "./tracing.ts";

export interface OtlpOptions {
  /** The collector's address without `/v1/traces`, e.g. `http://127.0.0.1:4318`. */
  readonly endpoint: string;
  readonly pdserveVersion: string;
  readonly log: RouterLog;
}

/** A collector that does not answer may hold up the end of a run this long. */
const CLOSE_LIMIT_MS = 2_000;

const w3c = new W3CTraceContextPropagator();

const inHeaders: TextMapGetter<HeaderList> & TextMapSetter<HeaderList> = {
  get: (headers, wanted) => headers.find(([name]) => name === wanted)?.[1],
  keys: (headers) => headers.map(([name]) => name),
  set: (headers, name, value) => void headers.push([name, value]),
};

export function otlpTracing({ endpoint, pdserveVersion, log }: OtlpOptions): Tracing {
  const notSent = (error: unknown) => {
    log("warn", "Traces did not reach the collector", { endpoint, error: textOf(error) });
  };
  setGlobalErrorHandler(notSent);
  const provider = new TracerProvider({
    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
    resource: defaultResource()
      .merge(resourceFromAttributes({ "service.name": "pdserve", "service.version": pdserveVersion }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: tracesUrl(endpoint) }) })],
  });
  const tracer = provider.getTracer("pdserve", pdserveVersion);
  return {
    startRequest({ id, route, headers }) {
      const parent = w3c.extract(ROOT_CONTEXT, headers, inHeaders);
      const attributes = { "http.request.method": route.method, "http.route": route.path, "pdserve.request_id": id };
      const name = `${route.method} ${route.path}`;
      return requestSpan(tracer, tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent), parent);
    },
    async close() {
      const limit = Promise.withResolvers<void>();
      const timer = setTimeout(limit.resolve, CLOSE_LIMIT_MS);
      await Promise.race([provider.shutdown().catch(notSent), limit.promise]);
      clearTimeout(timer);
    },
  };
}

function requestSpan(tracer: Tracer, span: Span, parent: Context): RequestSpan {
  const context = trace.setSpan(parent, span);
  return {
    startLeg(kind, worker) {
      const attributes = { "pdserve.worker": worker };
      const leg = tracer.startSpan(kind, { kind: SpanKind.CLIENT, attributes }, context);
      return legSpan(leg, trace.setSpan(context, leg));
    },
    end(record) {
      span.setAttributes(attributesOf(record));
      const isError = record.end === "cut" || (record.status ?? 0) >= 500;
      if (isError) span.setStatus({ code: SpanStatusCode.ERROR, message: `${record.end} in phase ${record.phase}` });
      span.end();
    },
  };
}

function legSpan(span: Span, context: Context): LegSpan {
  return {
    asParent(headers) {
      const list = headers.filter(([name]) => !w3c.fields().includes(name));
      w3c.inject(context, list, inHeaders);
      return list;
    },
    over(opened) {
      const endedAt = Date.now();
      void opened.then((opening) => {
        tellOpening(span, opening);
        span.end(endedAt);
      });
    },
  };
}

function tellOpening(span: Span, opening: LegOpening): void {
  if (opening.is === "aborted") return void span.setAttribute("pdserve.aborted", true);
  if (opening.is === "failed") {
    return void span.setStatus({ code: SpanStatusCode.ERROR, message: opening.failure.message });
  }
  const { status } = opening.head;
  span.setAttribute("http.response.status_code", status);
  if (status >= 400) span.setStatus({ code: SpanStatusCode.ERROR });
}

function attributesOf({ status, end, handoff, attempts, times }: RequestRecord) {
  const since = (ms: number) => ms > 0 ? ms - times.acceptedMs : undefined;
  return {
    "http.response.status_code": status ?? undefined,
    "pdserve.end": end ?? undefined,
    "pdserve.handoff": handoff,
    "pdserve.attempts": attempts,
    "pdserve.queue_ms": since(times.admittedMs),
    "pdserve.first_byte_ms": since(times.firstByteMs),
  };
}

/** As OTEL_EXPORTER_OTLP_ENDPOINT is read (OpenTelemetry Protocol Exporter, "Endpoint URLs for OTLP/HTTP"). */
function tracesUrl(endpoint: string): string {
  return `${endpoint.replace(/\/+$/, "")}/v1/traces`;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : JSON.stringify(error);
}
