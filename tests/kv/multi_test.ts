// MultiConnector: what the list of connectors makes of it.

import { expect, test } from "bun:test";
import type { Connector, ExtraConfig, HandoffShape, Topology, WiringContext } from "../../kv/connector.ts";
import { connectors, findConnector } from "../../kv/index.ts";
import type { Json } from "../../kv/json.ts";

const memory = { kv_connector: "OffloadingConnector", kv_connector_extra_config: { cpu_bytes_to_use: 8 } };
const multiOf = (...list: readonly Json[]): Connector =>
  findConnector("MultiConnector", { connectors: list }).connector;

const context: WiringContext = {
  ...{ role: "prefill", tp: 1, dp: 1, pp: 1, device: "cpu", engineVersion: "0.32.0", host: "127.0.0.1" },
  ...{ httpPort: 8101, ports: { side_channel: 5610 }, engineId: "prefill-0-g1", sharedDir: "/run/kv" },
  ...{ loadFailurePolicy: "fail", extraConfig: {} },
};

function wiringOf(extraConfig: ExtraConfig, changes: Partial<WiringContext> = {}) {
  return findConnector("multi", extraConfig).connector.wiring({ ...context, ...changes, extraConfig });
}

function problemsOf(connector: Connector, sizes: Partial<Topology["workers"][number]> = {}) {
  const workers = (["prefill", "decode"] as const).map((role) => ({
    ...{ role, name: `${role}-0`, tp: 1, dp: 1, pp: 1, flags: {} },
    ...sizes,
  }));
  return connector.problems({ engine: "vllm", engineVersion: "0.32.0", device: "cuda", workers });
}

test("MultiConnector is launched as the real pair of NIXL and files was", () => {
  const nixl = { kv_connector: "NixlConnector", kv_connector_extra_config: { kv_lease_duration: 120 } };
  const extraConfig = { connectors: [nixl, "ExampleConnector"] };
  const files = { kv_connector: "ExampleConnector", kv_connector_extra_config: { shared_storage_path: "/run/kv" } };
  for (const [role, kv_role] of [["prefill", "kv_producer"], ["decode", "kv_consumer"]] as const) {
    const { kvTransferConfig, env, args } = wiringOf(extraConfig, { role });
    expect(kvTransferConfig).toEqual({
      kv_connector: "MultiConnector",
      kv_role,
      kv_load_failure_policy: "fail",
      kv_connector_extra_config: { connectors: [{ ...nixl, kv_role }, { ...files, kv_role }] },
    });
    expect(env).toMatchObject({ VLLM_NIXL_SIDE_CHANNEL_PORT: "5610", UCX_TLS: "tcp" });
    expect(args).toEqual(["--no-enable-chunked-prefill"]);
  }
});

test("MultiConnector puts the engine id outside the list, where vLLM reads it, and keeps caches able to do both", () => {
  const { kvTransferConfig } = wiringOf({ connectors: ["NixlPushConnector", memory] });
  expect(kvTransferConfig.engine_id).toBe("prefill-0-g1");
  expect(kvTransferConfig.kv_connector_extra_config).toEqual({
    connectors: [{ kv_connector: "NixlPushConnector", kv_role: "kv_producer" }, { ...memory, kv_role: "kv_both" }],
  });
});

test("MultiConnector passes on what the user says of a connector, but for its role", () => {
  const nixl = { kv_connector: "NixlConnector", kv_role: "kv_both", kv_buffer_device: "cpu" };
  const { kvTransferConfig } = wiringOf({ connectors: [nixl], other: 1 });
  expect(kvTransferConfig.kv_connector_extra_config)
    .toEqual({ connectors: [{ ...nixl, kv_role: "kv_producer" }], other: 1 });
});

test.each<[readonly Json[], HandoffShape | null]>([
  [["NixlConnector", memory], "params-echo"],
  [[memory, "NixlConnector"], "params-echo"],
  [["ExampleConnector", "NixlPushConnector"], "params-prebuilt"],
  [[memory, "LMCacheMPConnector"], "plain-two-step"],
  [[memory, "SimpleCPUOffloadConnector"], null],
  [[], null],
])("of %j the handoff is %p", (list, shape) => {
  const connector = multiOf(...list);
  expect(connector.cannotHandOver === undefined ? connector.shape : null).toBe(shape);
});

test("MultiConnector takes over ports, lease, proof and needs of what is in it", () => {
  const connector = multiOf(
    { kv_connector: "NixlPushConnector", kv_connector_extra_config: { kv_lease_duration: 90 } },
    memory,
    "LMCacheMPConnector",
  );
  expect(connector.ports({ role: "decode", tp: 1, dp: 2, pp: 1 })).toMatchObject([{
    purpose: "side_channel",
    count: 2,
  }]);
  expect(connector).toMatchObject({ leaseMs: 90_000, legs: "concurrent", imports: ["nixl", "lmcache"] });
  expect(connector.proof).toEqual(connectors.NixlPushConnector.proof);
  expect(connector.devices).toEqual(["cuda"]);
  expect(connector.servers?.map(({ port }) => port)).toEqual([5555]);
});

test("MultiConnector is walked to the bottom", () => {
  const inner = { kv_connector: "MultiConnector", kv_connector_extra_config: { connectors: ["NixlConnector"] } };
  expect(multiOf(inner)).toMatchObject({ shape: "params-echo", leaseMs: 30_000 });
});

test("two connectors that hand over are refused: their params would clash and end the engine", () => {
  expect(problemsOf(multiOf("NixlConnector", "MooncakeConnector")).map(({ what }) => what))
    .toContain("MultiConnector cannot hand over with NixlConnector and MooncakeConnector");
});

test("a cache before the connector that hands over is warned of, behind it is right", () => {
  expect(problemsOf(multiOf("ExampleConnector", "NixlConnector")).map(({ severity }) => severity)).toEqual(["warning"]);
  expect(problemsOf(multiOf("NixlConnector", "ExampleConnector"))).toEqual([]);
});

test("every connector's own rules hold inside", () => {
  const whats = problemsOf(multiOf("NixlConnector", "ExampleConnector"), { tp: 2 }).map(({ what }) => what);
  expect(whats).toEqual(["ExampleConnector cannot run prefill-0 with --tensor-parallel-size 2"]);
  const sizeless = problemsOf(multiOf("NixlConnector", "OffloadingConnector")).map(({ what }) => what);
  expect(sizeless).toEqual(["OffloadingConnector is not told how much host memory to use"]);
});
