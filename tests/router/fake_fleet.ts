// A scripted fleet for one test: its router goes with the test.

import { onTestFinished } from "bun:test";
import { type FakeFleet, type FleetOptions, openFakeFleet } from "./open_fleet.ts";

export * from "./open_fleet.ts";

export function makeFakeFleet(options: FleetOptions = {}): FakeFleet {
  const fleet = openFakeFleet(options);
  onTestFinished(() => fleet.router.close());
  return fleet;
}
