// What each connector's workers are launched with, against the command lines that worked on real engines.

import { expect, test } from "bun:test";
import type { WiringContext } from "../../kv/connector.ts";
import { connectors, findConnector } from "../../kv/index.ts";

const { ExampleConnector, MooncakeConnector, NixlConnector, NixlPushConnector, P2pNcclConnector } = connectors;

const prefill: WiringContext = {
  role: "prefill",
  tp: 1,
  dp: 1,
  pp: 1,
  device: "cpu",
  engineVersion: "0.32.0",
  host: "127.0.0.1",
  httpPort: 8101,
  ports: { side_channel: 5610, bootstrap: 8998, kv_port: 21001 },
  engineId: "prefill-0-g1",
  sharedDir: "/run/kv",
  loadFailurePolicy: "fail",
  extraConfig: {},
};
const decode: WiringContext = { ...prefill, role: "decode", engineId: "decode-0-g1" };

test("NixlConnector is launched as the real CPU pair was", () => {
  expect(NixlConnector.wiring(prefill)).toEqual({
    kvTransferConfig: { kv_connector: "NixlConnector", kv_role: "kv_producer", kv_load_failure_policy: "fail" },
    env: {
      VLLM_NIXL_SIDE_CHANNEL_HOST: "127.0.0.1",
      VLLM_NIXL_SIDE_CHANNEL_PORT: "5610",
      UCX_TLS: "tcp",
    },
    args: [],
  });
  expect(NixlConnector.wiring(decode).kvTransferConfig.kv_role).toBe("kv_consumer");
});

test("NIXL leaves the choice of transports to UCX on GPUs, and the load failure policy to the user", () => {
  const { env, kvTransferConfig } = NixlConnector.wiring({ ...decode, device: "cuda", loadFailurePolicy: "recompute" });
  expect(env).not.toHaveProperty("UCX_TLS");
  expect(kvTransferConfig.kv_load_failure_policy).toBe("recompute");
});

test("NIXL never fixes an engine id in pull mode, and always in push mode", () => {
  expect(NixlConnector.wiring(prefill).kvTransferConfig).not.toHaveProperty("engine_id");
  expect(NixlPushConnector.wiring(prefill).kvTransferConfig.engine_id).toBe("prefill-0-g1");
  expect(NixlPushConnector.wiring(decode).kvTransferConfig.engine_id).toBe("decode-0-g1");
});

test("NIXL takes one side channel port for each data parallel rank, on decode too", () => {
  for (const role of ["prefill", "decode"] as const) {
    const [need, ...rest] = NixlConnector.ports({ role, tp: 4, dp: 3, pp: 1 });
    expect([need?.count, need?.env, rest.length]).toEqual([3, "VLLM_NIXL_SIDE_CHANNEL_PORT", 0]);
  }
});

test("Mooncake goes over TCP and opens its bootstrap server on prefill only", () => {
  expect(MooncakeConnector.wiring(prefill)).toEqual({
    kvTransferConfig: {
      kv_connector: "MooncakeConnector",
      kv_role: "kv_producer",
      kv_load_failure_policy: "fail",
      kv_connector_extra_config: { mooncake_protocol: "tcp" },
    },
    env: { VLLM_HOST_IP: "127.0.0.1", VLLM_MOONCAKE_BOOTSTRAP_PORT: "8998" },
    args: [],
  });
  expect(MooncakeConnector.wiring(decode).env).toEqual({ VLLM_HOST_IP: "127.0.0.1" });
  expect(MooncakeConnector.ports({ role: "decode", tp: 1, dp: 1, pp: 1 })).toEqual([]);
});

test("ExampleConnector keeps its files in the run's folder and never prefills in chunks", () => {
  expect(ExampleConnector.wiring(decode)).toEqual({
    kvTransferConfig: {
      kv_connector: "ExampleConnector",
      kv_role: "kv_consumer",
      kv_connector_extra_config: { shared_storage_path: "/run/kv" },
    },
    env: {},
    args: ["--no-enable-chunked-prefill"],
  });
});

test("ExampleConnector is launched under its old name where vLLM knows only that", () => {
  const nameOn = (engineVersion: string) =>
    ExampleConnector.wiring({ ...prefill, engineVersion }).kvTransferConfig.kv_connector;
  expect([nameOn("0.12.0"), nameOn("0.13.0")]).toEqual(["SharedStorageConnector", "ExampleConnector"]);
});

test("P2pNcclConnector takes a port for each rank and no proxy", () => {
  expect(P2pNcclConnector.ports({ role: "decode", tp: 4, dp: 1, pp: 2 })[0]?.count).toBe(8);
  expect(P2pNcclConnector.wiring({ ...decode, engineVersion: "0.22.1" })).toEqual({
    kvTransferConfig: {
      kv_connector: "P2pNcclConnector",
      kv_role: "kv_consumer",
      kv_port: 21001,
      kv_buffer_size: 1_000_000_000,
      kv_connector_extra_config: { proxy_ip: "", send_type: "PUT_ASYNC" },
    },
    env: { VLLM_HOST_IP: "127.0.0.1", VLLM_DISABLE_REQUEST_ID_RANDOMIZATION: "1" },
    args: [],
  });
});

test("P2pNcclConnector switches off random request ids where vLLM has them", () => {
  const env = (engineVersion: string) => P2pNcclConnector.wiring({ ...prefill, engineVersion }).env;
  expect(env("0.13.0")).not.toHaveProperty("VLLM_DISABLE_REQUEST_ID_RANDOMIZATION");
  expect(env("0.14.0rc1")).toHaveProperty("VLLM_DISABLE_REQUEST_ID_RANDOMIZATION", "1");
});

test("an unknown connector is launched under its very name, able to save and load on both sides", () => {
  const { connector } = findConnector("HomeGrownConnector");
  expect(connector.wiring({ ...prefill, extraConfig: { port: 5555 } }).kvTransferConfig).toEqual({
    kv_connector: "HomeGrownConnector",
    kv_role: "kv_both",
    kv_connector_extra_config: { port: 5555 },
  });
});

test("a port that was not planned is a bug, not a worker that hangs at start", () => {
  expect(() => NixlConnector.wiring({ ...prefill, ports: {} })).toThrow("side_channel");
});
