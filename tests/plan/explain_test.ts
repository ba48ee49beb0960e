import { expect, test } from "bun:test";
import { planTable } from "../../plan/explain.ts";
import { plannedFor } from "./wishes.ts";

test("planTable() has a row per worker: GPUs, ports by purpose, and what is particular in its command", () => {
  const plan = plannedFor({ flags: { pd: "1P1D", tp: "2" }, both: ["--max-model-len", "8k"] });
  const { header, rows } = planTable(plan);
  expect(rows.every((row) => row.length === header.length)).toBe(true);
  expect(rows[0]).toEqual([
    ...["prefill-0", "0,1", "8100", "side_channel 5600, internal 21000-21015"],
    "vllm serve demo --tensor-parallel-size 2 --max-model-len 8k",
  ]);
});

test("planTable() shows where a worker is that somebody else started", () => {
  const plan = plannedFor({ model: null, flags: { prefillUrls: "http://h:1", decodeUrls: "http://h:2" } });
  expect(planTable(plan).rows[0]?.slice(0, 3)).toEqual(["prefill-0", "-", "http://h:1"]);
});
