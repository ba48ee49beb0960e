// Traces, as a collector gets them and as workers see them.

import { afterEach, expect, test } from "bun:test";
import { Glob } from "bun";
import { readFileSync } from "node:fs";
import { loadTracing } from "../../router/load_tracing.ts";
import { otlpTracing } from "../../router/otlp_tracing.ts";
import type { Tracing } from "../../router/tracing.ts";
import { completion, type FakeFleet, makeFakeFleet, openFakeFleet, until } from "./fake_fleet.ts";

interface Told {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly status: { readonly code?: number };
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Keeps the paths and spans that it gets. */
function makeCollector(status = 200) {
  const paths: string[] = [];
  const spans: Told[] = [];
  let serviceName = "";
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      paths.push(new URL(request.url).pathname);
      // deno-lint-ignore no-explicit-any
      const body = await request.json() as any;
      for (const { resource, scopeSpans } of body.resourceSpans) {
        serviceName = attribute(resource, "service.name") as string;
        for (const scope of scopeSpans) spans.push(...scope.spans);
      }
      return new Response("{}", { status, headers: { "content-type": "application/json" } });
    },
  });
  closing.push(() => server.stop(true));
  return { endpoint: `http://127.0.0.1:${server.port}`, paths, spans, serviceName: () => serviceName };
}

function attribute({ attributes }: Pick<Told, "attributes">, key: string): unknown {
  const value = attributes.find((one) => one.key === key)?.value;
  return value === undefined ? undefined : Object.values(value)[0];
}

function tracingTo(endpoint: string, log: string[] = []): Tracing {
  return otlpTracing({ endpoint, pdserveVersion: "1.2.3", log: (_, message) => void log.push(message) });
}

const remote = { trace: "4bf92f3577b34da6a3ce929d0e0e4736", span: "00f067aa0ba902b7" };
const traceparent = `00-${remote.trace}-${remote.span}-01`;
const parentsOf = ({ calls }: FakeFleet) => calls.map(({ headers }) => headers.traceparent);

test("a split request is one span with a child for each leg, whose worker gets it as its parent", async () => {
  const collector = makeCollector();
  const fleet = openFakeFleet({ tracing: tracingTo(collector.endpoint) });
  const headers = { traceparent, tracestate: "vendor=1", "x-request-id": "mine" };
  await fleet.post("/v1/completions", completion(), { headers });
  await fleet.router.close();

  expect(collector.paths).toEqual(["/v1/traces"]);
  expect(collector.serviceName()).toBe("pdserve");
  const named = (name: string) => collector.spans.find((span) => span.name === name)!;
  const request = named("POST /v1/completions");
  expect(collector.spans).toHaveLength(3);
  expect(request).toMatchObject({ kind: 2, traceId: remote.trace, parentSpanId: remote.span });
  expect(attribute(request, "pdserve.request_id")).toBe("mine");
  expect(attribute(request, "http.response.status_code")).toBe(200);
  for (const [index, name] of ["prefill", "decode"].entries()) {
    const leg = named(name);
    expect(leg).toMatchObject({ kind: 3, traceId: remote.trace, parentSpanId: request.spanId });
    expect(attribute(leg, "pdserve.worker")).toBe(`${name}-0`);
    expect(attribute(leg, "http.response.status_code")).toBe(200);
    expect(parentsOf(fleet)[index]).toBe(`00-${remote.trace}-${leg.spanId}-01`);
    expect(fleet.calls[index]?.headers.tracestate).toBe("vendor=1");
  }
});

test("without a trace of the client's the request begins one", async () => {
  const collector = makeCollector();
  const fleet = openFakeFleet({ tracing: tracingTo(`${collector.endpoint}/`) });
  await (await fleet.post("/v1/completions", completion({ stream: true }), { headers: { traceparent: "x" } })).text();
  await fleet.router.close();
  const [first] = collector.spans;
  expect(new Set(collector.spans.map(({ traceId }) => traceId)).size).toBe(1);
  expect(collector.paths).toEqual(["/v1/traces"]);
  expect(parentsOf(fleet).every((parent) => parent?.startsWith(`00-${first?.traceId}-`))).toBeTrue();
});

test("a leg that failed and the attempt that followed are told apart", async () => {
  const collector = makeCollector();
  const workers = ["prefill-0", "prefill-1", "decode-0"];
  const fleet = openFakeFleet({ tracing: tracingTo(collector.endpoint), workers });
  fleet.script("prefill-0", (call) => call.fail("refused"));
  expect((await fleet.post("/v1/completions", completion())).status).toBe(200);
  await fleet.router.close();
  const legs = collector.spans.filter(({ name }) => name === "prefill");
  expect(legs.map((leg) => [attribute(leg, "pdserve.worker"), leg.status.code])).toEqual([["prefill-0", 2], [
    "prefill-1",
    0,
  ]]);
});

test("what the client wants unsampled is not sent, and workers hear so", async () => {
  const collector = makeCollector();
  const fleet = openFakeFleet({ tracing: tracingTo(collector.endpoint) });
  const headers = { traceparent: `00-${remote.trace}-${remote.span}-00` };
  await fleet.post("/v1/completions", completion(), { headers });
  await fleet.router.close();
  expect(collector.spans).toEqual([]);
  for (const parent of parentsOf(fleet)) expect(parent).toEndWith("-00");
});

test("a collector that refuses is told of in the log and changes no answer", async () => {
  const log: string[] = [];
  const fleet = openFakeFleet({ tracing: tracingTo(makeCollector(400).endpoint, log) });
  expect((await fleet.post("/v1/completions", completion())).status).toBe(200);
  await fleet.router.close();
  await until(() => log.length > 0);
  expect(log).toEqual(["Traces did not reach the collector"]);
});

test("without a collector the client's trace headers reach both legs as they came", async () => {
  const fleet = makeFakeFleet();
  await fleet.post("/v1/completions", completion(), { headers: { traceparent } });
  expect(parentsOf(fleet)).toEqual([traceparent, traceparent]);
});

test("loadTracing() traces as soon as the tracer is there", async () => {
  const collector = makeCollector();
  const tracing = loadTracing({ endpoint: collector.endpoint, pdserveVersion: "1.2.3", log: () => {} });
  const fleet = openFakeFleet({ tracing });
  while (parentsOf(fleet).at(-1) === undefined) await fleet.post("/v1/completions", completion());
  await fleet.router.close();
  expect(collector.spans.length).toBeGreaterThan(0);
});

test("nothing of OpenTelemetry is loaded before somebody asks for it", () => {
  const sources = [...new Glob("{kv,plan,supervisor,router,control,cli}/**/*.ts").scanSync(".")];
  const staticImport = /^import (?!type)[^;]*from "(@opentelemetry[^"]*|[^"]*\/otlp_tracing\.ts)"/m;
  const loading = sources.filter((path) => staticImport.test(readFileSync(path, "utf8")));
  expect(loading).toEqual(["router/otlp_tracing.ts"]);
});
