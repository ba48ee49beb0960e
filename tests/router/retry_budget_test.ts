import { expect, test } from "bun:test";
import { makeRetryBudget } from "../../router/retry_budget.ts";
import { completion, makeFakeFleet } from "./fake_fleet.ts";

function spendAll(budget: ReturnType<typeof makeRetryBudget>): number {
  let spent = 0;
  while (budget.spend()) spent++;
  return spent;
}

test("what a worker had in flight when it died may be tried again at once", () => {
  expect(spendAll(makeRetryBudget(0.2))).toBe(100);
});

test("requests earn their share, up to a ceiling", () => {
  const budget = makeRetryBudget(0.2);
  spendAll(budget);
  for (let i = 0; i < 51; i++) budget.earn();
  expect(spendAll(budget)).toBe(10);
  for (let i = 0; i < 10_000; i++) budget.earn();
  expect(spendAll(budget)).toBe(100);
});

test("when all fails, requests are tried once after the budget is spent, and it is counted", async () => {
  const fleet = makeFakeFleet({ settings: { retryShare: 0 } });
  fleet.script("prefill-0", (call) => call.fail("refused"));
  for (let i = 0; i < 102; i++) expect((await fleet.post("/v1/completions", completion())).status).toBe(503);
  expect(fleet.callsTo("prefill-0")).toHaveLength(102 + 100);
  expect(fleet.metric("pdserve_retries_denied_total")).toBe(2);
});

test("--max-attempts 3 tries three pairs", async () => {
  const workers = ["prefill-0", "prefill-1", "prefill-2", "decode-0"];
  const fleet = makeFakeFleet({ workers, settings: { maxAttempts: 3 } });
  for (const name of ["prefill-0", "prefill-1"]) fleet.script(name, (call) => call.fail("refused"));
  const response = await fleet.post("/v1/completions", completion());
  expect(response.status).toBe(200);
  expect(response.headers.get("x-pdserve-prefill")).toBe("prefill-2");
});
