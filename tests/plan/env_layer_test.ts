import { expect, test } from "bun:test";
import { envLayer } from "../../plan/env_layer.ts";

const endpointIn = (env: Record<string, string>) =>
  envLayer(env).layer.sayings.map(({ text, origin }) => [text, origin]);

test("envLayer() hears OTEL_EXPORTER_OTLP_ENDPOINT, and PDSERVE_OTLP_ENDPOINT before it", () => {
  const shared = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };
  expect(endpointIn(shared)).toEqual([["http://collector:4318", { is: "env", name: "OTEL_EXPORTER_OTLP_ENDPOINT" }]]);
  const own = { is: "env", name: "PDSERVE_OTLP_ENDPOINT" } as const;
  expect(endpointIn({ ...shared, PDSERVE_OTLP_ENDPOINT: "http://mine:4318" })).toEqual([["http://mine:4318", own]]);
});

test("envLayer() leaves alone what OTEL_EXPORTER_OTLP_ENDPOINT says to programs that speak gRPC", () => {
  expect(endpointIn({ OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4317" })).toEqual([]);
});
