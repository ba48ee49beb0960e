// Connectors whose legs, ports or refusal depend on the user's extra config.

import { expect, test } from "bun:test";
import type { Connector, ExtraConfig, LegContext, WiringContext, WorkerFacts } from "../../kv/connector.ts";
import { chooseConnector } from "../../kv/choose_connector.ts";
import { connectors, findConnector } from "../../kv/index.ts";

const ports = { handshake_port: 6301, notify_port: 6401, p2p_side_channel: 5710 };
const prefill: WorkerFacts = {
  ...{ name: "prefill-0", role: "prefill", host: "127.0.0.1", httpPort: 8101, ports, tp: 2, dp: 1, pp: 1 },
  ...{ engineId: "P0", engineIdByRank: {} },
};
const decodePorts = { handshake_port: 6311, notify_port: 6411, p2p_side_channel: 5711 };
const decode: WorkerFacts = { ...prefill, name: "decode-0", role: "decode", httpPort: 8102, ports: decodePorts };
const context: LegContext = { attemptId: "r-1", nonce: "00000001" + "0".repeat(24), api: "chat", prefill, decode };

const launch: WiringContext = {
  ...{ role: "decode", tp: 2, dp: 1, pp: 1, device: "cuda", engineVersion: "0.32.0", host: "127.0.0.1" },
  ...{ httpPort: 8102, ports: decodePorts, engineId: "decode-0-g1", sharedDir: "/run/kv", loadFailurePolicy: "fail" },
  extraConfig: {},
};

function made(name: string, extraConfig: ExtraConfig): Connector {
  return findConnector(name, extraConfig).connector;
}

const p2pConfig = { cpu_bytes_to_use: 8, secondary_tiers: [{ type: "fs" }, { type: "p2p" }] };

test("OffloadingConnector with a p2p tier tells each worker the other's half, and is asked for its own ports", () => {
  const p2p = made("OffloadingConnector", p2pConfig);
  expect(p2p.prefillLeg(context).set).toEqual({ kv_transfer_params: { remote_decoder: { kv_request_id: "kv-r-1" } } });
  expect(p2p.decodeLeg(context, null)).toMatchObject({
    edit: {
      set: {
        kv_transfer_params: {
          remote_prefiller: { kv_request_id: "kv-r-1", remote_host: "127.0.0.1", remote_port: 5710 },
        },
      },
    },
  });
  expect(p2p.ports({ role: "prefill", tp: 2, dp: 3, pp: 1 })).toMatchObject([{ count: 3, preferred: 5710 }]);
  expect(p2p.wiring({ ...launch, extraConfig: p2pConfig })).toEqual({
    kvTransferConfig: {
      kv_connector: "OffloadingConnector",
      kv_role: "kv_both",
      kv_connector_extra_config: { spec_name: "TieringOffloadingSpec", ...p2pConfig },
    },
    env: { VLLM_P2P_SIDE_CHANNEL_HOST: "127.0.0.1", VLLM_P2P_SIDE_CHANNEL_PORT: "5711", PYTHONHASHSEED: "0" },
    args: [],
  });
});

test("OffloadingConnector pins prefill's rank and calls its port, and keeps the lease the tier is given", () => {
  const tier = { type: "p2p", unbound_store_timeout_s: 120 };
  const p2p = made("OffloadingConnector", { cpu_bytes_to_use: 8, secondary_tiers: [tier] });
  const ranked = { ...context, prefill: { ...prefill, dp: 2 } };
  expect(p2p.prefillLeg(ranked).headers).toEqual({ "x-data-parallel-rank": "1" });
  expect(JSON.stringify(p2p.decodeLeg(ranked, null))).toContain('"remote_port":5711');
  expect([p2p.leaseMs, made("offloading", p2pConfig).leaseMs]).toEqual([120_000, 60_000]);
});

test("OffloadingConnector refuses one address for all workers", () => {
  const tier = { type: "p2p", port: 5710 };
  const p2p = made("OffloadingConnector", { cpu_bytes_to_use: 8, secondary_tiers: [tier] });
  const problems = p2p.problems({ engine: "vllm", engineVersion: "0.32.0", device: "cuda", workers: [] });
  expect(problems.map(({ what }) => what)).toEqual(["Leave host and port out of the p2p tier"]);
});

test("MoRIIO writes by default: both legs name their peer in the params, never in the request id", () => {
  const { MoRIIOConnector } = connectors;
  const nothing = { remote_engine_id: null, remote_block_ids: null };
  expect(MoRIIOConnector.legs).toBe("concurrent");
  expect(MoRIIOConnector.prefillLeg(context)).toEqual({
    set: {
      kv_transfer_params: {
        ...{ do_remote_decode: true, do_remote_prefill: false, ...nothing, remote_dp_size: 1, remote_tp_size: 2 },
        ...{ transfer_id: "tx-r-1", remote_host: "127.0.0.1" },
        ...{ remote_handshake_port: 6311, remote_notify_port: 6411 },
      },
      min_tokens: 1,
    },
    drop: ["stop", "stop_token_ids", "include_stop_str_in_output"],
    headers: {},
  });
  expect(MoRIIOConnector.decodeLeg(context, null)).toMatchObject({
    edit: {
      set: {
        kv_transfer_params: {
          ...{ do_remote_decode: false, do_remote_prefill: true, ...nothing, transfer_id: "tx-r-1" },
          ...{ remote_host: "127.0.0.1", remote_handshake_port: 6301, remote_notify_port: 6401 },
        },
      },
      headers: {},
    },
  });
});

test.each([[true, "sequential"], ["True", "sequential"], [1, "sequential"], [false, "concurrent"], [
  "no",
  "concurrent",
]])(
  "MoRIIO with read_mode %p runs its legs %s, as vLLM reads that value",
  (read_mode, legs) => {
    expect(made("MoRIIOConnector", { read_mode }).legs).toBe(legs as Connector["legs"]);
  },
);

test("MoRIIO refuses what its port arithmetic cannot tell apart", () => {
  const workers = [{ ...prefill, dp: 2, flags: {} }, { ...decode, flags: {} }];
  const problems = connectors.MoRIIOConnector.problems({
    ...{ engine: "vllm", engineVersion: "0.32.0", device: "rocm", workers },
  });
  expect(problems.map(({ what }) => what)).toEqual([
    "MoRIIOConnector cannot run prefill-0 with --data-parallel-size 2",
  ]);
});

test("LMCacheConnectorV1 gives each worker its own rpc id and takes no sides", () => {
  const { kvTransferConfig, env, args } = connectors.LMCacheConnectorV1.wiring(launch);
  expect(kvTransferConfig).toEqual({
    kv_connector: "LMCacheConnectorV1",
    // As kv_producer it asserts that every request names a receiver.
    kv_role: "kv_both",
    kv_connector_extra_config: { lmcache_rpc_port: "decode-0-g1" },
  });
  expect([env, args]).toEqual([{ PYTHONHASHSEED: "0" }, ["--no-enable-chunked-prefill"]]);
});

test("LMCacheConnectorV1 is warned to have no common store unless it is told one", () => {
  const warnings = (extraConfig: ExtraConfig, engine = "vllm") =>
    made("lmcache", extraConfig).problems({ engine, engineVersion: "0.32.0", device: "cuda", workers: [] })
      .map(({ severity }) => severity);
  expect(warnings({})).toEqual(["warning"]);
  expect(warnings({ "lmcache.remote_url": "redis://h:1" })).toEqual([]);
  expect(warnings({}, "sim")).toEqual(["warning"]);
  expect(warnings({ "lmcache.enable_pd": true })).toEqual([]);
});

test.each<ExtraConfig>([{ "lmcache.enable_pd": true }, { "lmcache.enable_nixl": "true" }])(
  "LMCache's PD mode makes prefill a sender that knows the router's socket, and decode a receiver: %j",
  (mode) => {
    const connector = made("LMCacheConnectorV1", mode);
    const ports = { pd_proxy: 7500, pd_init: 7300, pd_alloc: 7400 };
    const extraOf = (role: "prefill" | "decode") =>
      connector.wiring({ ...launch, role, tp: 2, ports, extraConfig: mode }).kvTransferConfig;
    expect(extraOf("prefill")).toMatchObject({
      kv_role: "kv_producer",
      kv_connector_extra_config: {
        "lmcache.enable_pd": true,
        "lmcache.pd_role": "sender",
        "lmcache.pd_proxy_host": "127.0.0.1",
        "lmcache.pd_proxy_port": 7500,
      },
    });
    expect(extraOf("decode")).toMatchObject({
      kv_role: "kv_consumer",
      kv_connector_extra_config: {
        "lmcache.pd_role": "receiver",
        "lmcache.pd_peer_init_port": [7300, 7301],
        "lmcache.pd_peer_alloc_port": [7400, 7401],
      },
    });
  },
);

test("LMCache's PD mode tells prefill where decode receives, and decode nothing", () => {
  const connector = made("LMCacheConnectorV1", { "lmcache.enable_pd": true });
  const pair = {
    ...context,
    prefill: { ...prefill, ports: { pd_proxy: 7500 } },
    decode: { ...decode, ports: { pd_init: 7300, pd_alloc: 7400 } },
  };
  expect(connector.prefillLeg(pair).set).toEqual({
    kv_transfer_params: {
      disagg_spec: {
        req_id: connector.arrival?.idOf(pair) ?? "",
        receiver_host: "127.0.0.1",
        receiver_init_port: [7300, 7301],
        receiver_alloc_port: [7400, 7401],
      },
    },
  });
  expect(connector.decodeLeg(pair, null)).toEqual({ is: "send", edit: { set: {}, drop: [], headers: {} } });
});

test("LMCacheMPConnector is told the server by address, and says which command starts it there", () => {
  const extraConfig = { "lmcache.mp.host": "tcp://box", "lmcache.mp.port": 6000 };
  const { servers, wiring } = made("LMCacheMPConnector", extraConfig);
  expect(servers).toMatchObject([{ host: "box", port: 6000, command: expect.stringContaining("--port 6000") }]);
  expect(wiring({ ...launch, extraConfig: {} }).kvTransferConfig.kv_connector_extra_config)
    .toEqual({ "lmcache.mp.host": "tcp://127.0.0.1", "lmcache.mp.port": 5555 });
});

test("chooseConnector() says which server must run already, except on the simulator", () => {
  const wish = { engineVersion: "0.32.0", device: "cpu", imports: { lmcache: "0.5.6" }, asked: "lmcache-mp" } as const;
  expect(chooseConnector({ ...wish, engine: "vllm" })).toMatchObject({
    warnings: [{ what: expect.stringContaining("127.0.0.1:5555"), fix: expect.stringMatching(/^lmcache server /) }],
  });
  expect(chooseConnector({ ...wish, engine: "sim" })).toMatchObject({ warnings: [] });
});

test.each(["OffloadingConnector", "SimpleCPUOffloadConnector"])(
  "%s names a working alternative that holds itself",
  (name) => {
    const fix = made(name, {}).cannotHandOver?.fix ?? "";
    const extraConfig = JSON.parse(/--kv-extra-config '(.*)'$/.exec(fix)?.[1] ?? "null");
    expect(made("MultiConnector", extraConfig)).toMatchObject({ shape: "params-echo", devices: expect.any(Array) });
    expect(JSON.stringify(extraConfig)).toContain(name);
  },
);

test("NixlConnector refuses to keep KV on decode for a read that never comes", () => {
  const topology = { engine: "vllm", engineVersion: "0.32.0", device: "cuda", workers: [] } as const;
  const problems = (extraConfig: ExtraConfig) => made("NixlConnector", extraConfig).problems(topology);
  expect(problems({ bidirectional_kv_xfer: true })).toMatchObject([{
    what: "Cannot let prefill read decode's KV back by bidirectional_kv_xfer alone",
    severity: "error",
  }]);
  expect(problems({ bidirectional_kv_xfer: false, kv_lease_duration: 60 })).toEqual([]);
});
