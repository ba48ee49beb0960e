import { expect, test } from "bun:test";
import { pictureOf, routedRunText } from "../../../cli/procs/order.ts";
import type { RoutedRun } from "../../../cli/router_of_run.ts";
import { findConnector } from "../../../kv/index.ts";
import { makeWorkerNumbers } from "../../../router/procs/worker_numbers.ts";
import { makeWeights } from "../../../router/weights.ts";
import { sim } from "../../../supervisor/engines/sim.ts";
import { plannedFor, specOf } from "../../plan/wishes.ts";
import { workerNamed } from "../../router/open_fleet.ts";

function runWith(extraConfig: string, connector: RoutedRun["connector"]): RoutedRun {
  const spec = specOf({ flags: { kvExtraConfig: extraConfig, engine: "sim" } });
  const plan = plannedFor({ flags: { engine: "sim" } });
  return { wish: { spec, engine: sim }, plan, connector, runDir: { logPath: (name) => `/run/${name}.log` } };
}

test("another process finds the connector of the plan, as it is or as its extra config makes it", () => {
  const extra = { connectors: [{ kv_connector: "NixlConnector" }, { kv_connector: "OffloadingConnector" }] };
  const plain = findConnector("MultiConnector").connector;
  const configured = findConnector("MultiConnector", extra).connector;
  expect(routedRunText(runWith(JSON.stringify(extra), plain)).connector).toEqual({
    name: "MultiConnector",
    extraConfig: {},
  });
  const { connector } = routedRunText(runWith(JSON.stringify(extra), configured));
  expect(connector).toEqual({ name: "MultiConnector", extraConfig: extra });
  expect(findConnector(connector.name, connector.extraConfig).connector.shape).toBe(configured.shape);
});

test("a picture numbers every worker for good, and says who lacks the trainer's weights and whether engines are held", () => {
  const [first, second] = [workerNamed("prefill-0"), workerNamed("decode-0")];
  let workers = [first];
  const view = {
    snapshot: () => ({ epoch: 1, workers, phase: "serving" as const, workerApiKey: "k" }),
    subscribe: () => () => {},
  };
  const weights = makeWeights(false);
  const names = makeWorkerNumbers({ gives: true });
  expect(pictureOf({ workers: view, weights }, names)).toMatchObject({
    names: ["prefill-0"],
    weights: { version: null, stale: [], isHeld: false },
  });
  workers = [second];
  weights.bring({ path: "/update_weights", body: new Uint8Array(), isWhole: true }, [first], "step_1");
  weights.isPaused = true;
  expect(pictureOf({ workers: view, weights }, names)).toMatchObject({
    names: ["prefill-0", "decode-0"],
    weights: { version: "step_1", stale: ["decode-0"], isHeld: true },
  });
});
