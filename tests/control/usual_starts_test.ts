import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rememberStarts, usualStarts } from "../../control/usual_starts.ts";
import { makeEventStream } from "../../supervisor/event_stream.ts";
import { fleetPlan } from "../supervisor/small_fleet.ts";

test("usualStarts() is the median of the last starts of a kind, from run to run", () => {
  const folder = mkdtempSync(join(tmpdir(), "pdserve-usual-"));
  const plan = fleetPlan(["prefill-0:1", "prefill-1:2", "decode-0:3"]);
  expect(usualStarts(folder, plan)).toEqual({});
  const events = makeEventStream();
  const end = rememberStarts(folder, plan, events);
  const proving = (name: string, elapsedMs: number) =>
    events.emit({ type: "worker", name, state: "proving", stage: null, elapsedMs });
  for (const elapsedMs of [900_000, 60_000, 65_000, 61_000, 70_000, 66_000]) proving("prefill-0", elapsedMs);
  end();
  proving("prefill-0", 1);
  expect(usualStarts(folder, plan)).toEqual({ "prefill-0": 65_000, "prefill-1": 65_000 });
  expect(usualStarts(folder, { ...plan, model: "another" })).toEqual({});
  writeFileSync(join(folder, "usual_starts.json"), "half a fi");
  expect(usualStarts(folder, plan)).toEqual({});
  rmSync(folder, { recursive: true });
});
