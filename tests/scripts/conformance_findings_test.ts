// When a run of `npm run conformance` fails.

import { expect, test } from "bun:test";
import { type Findings, type Operation, tooFewServed, unexplained } from "../../scripts/conformance/findings.ts";

const found = (
  operation: string,
  asked: number,
  served: number,
  differences: Operation["differences"] = [],
): Findings => ({
  ...{ engine: "vLLM", versions: {}, npm: [], python: [] },
  operations: [{ operation, asked, served, statuses: {}, differences }],
});

test("where text is generated at least a third of the requests is served", () => {
  expect(tooFewServed(found("POST /v1/completions", 24, 8))).toEqual([]);
  expect(tooFewServed(found("POST /v1/completions", 24, 7))).toEqual([
    "POST /v1/completions: 7 of 24 requests were served",
  ]);
  expect(tooFewServed(found("POST /tokenize", 12, 0))).toEqual([]);
});

test("a difference that no explanation fits is told, one that is meant to be is not", () => {
  const refusal = { status: 404, type: "application/json", body: { error: { src: "string" } } };
  const difference = { request: "", plain: { status: 200, type: "application/json", body: {} }, pdserve: refusal };
  expect(unexplained(found("GET /kv_event_sources", 1, 0, [difference]))).toEqual([]);
  expect(unexplained(found("POST /invocations", 1, 0, [difference]))).toHaveLength(1);
});
