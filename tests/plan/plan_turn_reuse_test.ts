// --turn-reuse: what workers are launched with for it, and what it cannot go with.

import { expect, test } from "bun:test";
import { plannedFor, problemsOf } from "./wishes.ts";

test("every worker is launched with it, and the user's own members stay", () => {
  const plan = plannedFor({ flags: { turnReuseMs: "90s", kvExtraConfig: '{"kv_lease_duration":60}' } });
  for (const { argv } of plan.workers) {
    const config = JSON.parse(argv[argv.indexOf("--kv-transfer-config") + 1]!);
    expect(config.kv_connector_extra_config).toMatchObject({
      ...{ bidirectional_kv_xfer: true, decoder_kv_blocks_ttl: 90, kv_lease_duration: 60 },
    });
  }
});

test("without it no worker is", () => {
  expect(JSON.stringify(plannedFor({}).workers)).not.toContain("bidirectional");
});

const refused: readonly (readonly [what: string, flags: Record<string, string>, why: string])[] = [
  ["a connector that has no way back", { kvConnector: "ExampleConnector" }, "cannot read from decode"],
  ["a time too short for a next turn", { turnReuseMs: "10s" }, "less than 20 s"],
  [
    "workers of somebody else's",
    { prefillUrls: "http://127.0.0.1:1", decodeUrls: "http://127.0.0.1:2" },
    "somebody else",
  ],
];

for (const [what, flags, why] of refused) {
  test(`it is refused with ${what}`, () => {
    const problem = problemsOf({ flags: { turnReuseMs: "60s", ...flags } }).find((one) =>
      one.what.includes("--turn-reuse")
    );
    expect(problem?.severity).toBe("error");
    expect(problem?.why).toContain(why);
  });
}

test("it goes with one router process", () => {
  const [problem] = problemsOf({ flags: { turnReuseMs: "60s", routerProcs: "2" } });
  expect(problem).toMatchObject({ severity: "error", fix: "--router-procs 1" });
  expect(problem?.why).toContain("--turn-reuse");
});
