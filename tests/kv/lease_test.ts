import { expect, test } from "bun:test";
import { connectors } from "../../kv/index.ts";
import { leaseMsOf } from "../../kv/lease.ts";

test("leaseMsOf() is the connector's lease unless the user changed it", () => {
  expect(leaseMsOf(connectors.NixlConnector, {})).toBe(30_000);
  expect(leaseMsOf(connectors.NixlConnector, { kv_lease_duration: 120 })).toBe(120_000);
  expect(leaseMsOf(connectors.NixlConnector, { kv_lease_duration: "120" })).toBe(30_000);
});

test("leaseMsOf() gives no lease to a connector that pins nothing", () => {
  expect(leaseMsOf(connectors.ExampleConnector, { kv_lease_duration: 120 })).toBeNull();
});
