import { expect, test } from "bun:test";
import { comparePlans } from "../../plan/compare_plans.ts";
import { nextGeneration } from "../../plan/worker_command.ts";
import { findConnector } from "../../kv/index.ts";
import { engines } from "../../supervisor/engines/index.ts";
import { machineOf, plannedFor, type Wish } from "./wishes.ts";

const { connector } = findConnector("NixlConnector");
const compare = (now: Wish, next: Wish) =>
  comparePlans(plannedFor(now), plannedFor(next, machineOf(4), { nonce: "later" }), engines.vllm, connector);

test("comparePlans() finds nothing between two plans of one wish, though ids are made anew", () => {
  expect(compare({}, {})).toEqual({ changed: [], added: [], removed: [] });
});

test("comparePlans() names what differs, for the workers of the role alone", () => {
  const { changed } = compare({ decode: ["--max-num-seqs", "64"] }, { decode: ["--max-num-seqs", "128"] });
  expect(changed.map(({ worker }) => worker.role)).toEqual(changed.map(() => "decode"));
  expect(changed.length).toBeGreaterThan(0);
  expect(changed[0]?.differences).toEqual(["max-num-seqs 64 → 128"]);
});

test("comparePlans() keeps ports and engine id of a worker that runs with others than planned", () => {
  const now = plannedFor({});
  const moved = now.workers.map((worker) =>
    nextGeneration(
      now,
      worker,
      { engineId: `${worker.name}-g2`, ports: { http: [9_000 + Number(worker.gpus[0])] } },
      engines.vllm,
      connector,
    )
  );
  const next = plannedFor({ both: ["--enforce-eager"] });
  const { changed } = comparePlans({ ...now, workers: moved }, next, engines.vllm, connector);
  expect(changed.map(({ differences }) => differences)).toEqual(changed.map(() => ["enforce-eager (new)"]));
  expect(changed[0]?.worker.port).toBe(9_000);
});

test("comparePlans() tells which workers would come and go", () => {
  const { added, removed } = compare({ flags: { pd: "1P1D" } }, { flags: { pd: "1P2D" } });
  expect([added.map(({ name }) => name), removed]).toEqual([["decode-1"], []]);
});
