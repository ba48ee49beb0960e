import { expect, test } from "bun:test";
import { staleWorkers } from "../../control/router_numbers.ts";
import { judge } from "../../control/run_state.ts";
import { workerNamed } from "../router/open_fleet.ts";

const metrics = `# TYPE pdserve_worker_stale_weights gauge
pdserve_worker_stale_weights{worker="prefill-0",role="prefill"} 0
pdserve_worker_stale_weights{worker="decode-1",role="decode"} 1
`;

test("V35: workers without the trainer's weights are read from the router's own series", () => {
  expect([...staleWorkers(metrics)]).toEqual(["decode-1"]);
});

test("V35: they count as away: degraded while others serve, down when none does", () => {
  const fleet = ["prefill-0", "decode-0", "decode-1"].map(workerNamed);
  expect(judge("serving", fleet, new Set(["decode-1"]))).toEqual({
    verdict: "degraded",
    reason: "decode-1 has stale weights",
  });
  expect(judge("serving", fleet, new Set(["decode-0", "decode-1"])).verdict).toBe("down");
  expect(judge("serving", fleet)).toEqual({ verdict: "ready", reason: null });
});
