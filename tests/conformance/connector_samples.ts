// What the conformance suite asks every connector with: workers, contexts, replies, and extra config that makes another
// connector of one.

import type {
  Connector,
  ExtraConfig,
  LegContext,
  PrefillReply,
  WiringContext,
  WorkerFacts,
} from "../../kv/connector.ts";
import { connectors, findConnector } from "../../kv/index.ts";
import { unknownConnector } from "../../kv/unknown_connector.ts";

export interface Sample {
  readonly title: string;
  readonly connector: Connector;
  /** What made it; goes into its wiring again, as in a run. */
  readonly extraConfig: ExtraConfig;
}

const p2p = { cpu_bytes_to_use: 1, secondary_tiers: [{ type: "p2p" }] };
const nested = (...names: readonly string[]) => ({ connectors: names.map((kv_connector) => ({ kv_connector })) });

const madeByExtraConfig: readonly (readonly [string, string, ExtraConfig])[] = [
  ["MultiConnector of NIXL and files", "MultiConnector", nested("NixlConnector", "ExampleConnector")],
  ["MultiConnector of NIXL push and host memory", "MultiConnector", {
    connectors: [{ kv_connector: "NixlPushConnector" }, {
      kv_connector: "OffloadingConnector",
      kv_connector_extra_config: { cpu_bytes_to_use: 1 },
    }],
  }],
  ["MultiConnector of Mooncake and its store", "MultiConnector", nested("MooncakeConnector", "MooncakeStoreConnector")],
  ["MultiConnector of a store only", "MultiConnector", nested("LMCacheMPConnector")],
  ["MultiConnector of host memory only", "MultiConnector", nested("SimpleCPUOffloadConnector")],
  ["MultiConnector in a MultiConnector", "MultiConnector", {
    connectors: [{ kv_connector: "MultiConnector", kv_connector_extra_config: nested("NixlConnector") }],
  }],
  ["MoRIIOConnector that reads", "MoRIIOConnector", { read_mode: true }],
  ["OffloadingConnector with a p2p tier", "OffloadingConnector", p2p],
  ["OffloadingConnector with its size", "OffloadingConnector", { cpu_bytes_to_use: 1 }],
  ["LMCacheConnectorV1 with a store", "LMCacheConnectorV1", { "lmcache.remote_url": "redis://h:1" }],
  ["LMCacheConnectorV1 in PD mode", "LMCacheConnectorV1", { "lmcache.enable_pd": true }],
];

export const samples: readonly Sample[] = [
  ...[...Object.values(connectors), unknownConnector("SomeStoreConnector")].map((connector) => ({
    ...{ title: connector.name, connector, extraConfig: {} },
  })),
  ...madeByExtraConfig.map(([title, name, extraConfig]) => ({
    ...{ title, connector: findConnector(name, extraConfig).connector, extraConfig },
  })),
];

/** A reply of a real vLLM 0.32.0, with an integer no double holds and a member nobody knows. */
const nixlReply =
  '{"do_remote_prefill":true,"do_remote_decode":false,"remote_block_ids":[[1, 2,9007199254740993]],"remote_engine_id":"33345126-d129","remote_request_id":"cmpl-ade3-0-85740754","remote_host":"127.0.0.1","remote_port":5610,"tp_size":1,"dcp_size":1,"pp_size":1,"remote_num_tokens":105,"remote_blocks_expiry_time":null,"transfer_mode":"pull","from_the_future":{"é":1e3}}';

/** As request_finished() of moriio_connector.py writes it. */
const moriioReply =
  '{"do_remote_prefill":true,"do_remote_decode":false,"remote_block_ids":[[1, 2,9007199254740993]],"remote_engine_id":"127.0.0.1:6301","remote_host":"127.0.0.1","remote_handshake_port":6301,"remote_notify_port":6401,"remote_dp_rank":0,"remote_dp_rank_override":true,"remote_dp_size":1,"remote_dp_size_local":1,"tp_size":1,"transfer_id":"tx-r-1"}';

export function replyTo({ name }: Connector): PrefillReply & { readonly text: string } {
  const text = name === "MoRIIOConnector" ? moriioReply : nixlReply;
  return { text, params: JSON.parse(text), raw: { rawJson: text } };
}

/** Decode dies, waits for ever, reads wrong shards or computes the prompt again when one of these is missing. */
export function deadlyWhenMissing({ name }: Connector): readonly string[] {
  const always = ["do_remote_prefill", "remote_block_ids", "remote_engine_id", "remote_host", "tp_size"];
  return name === "MoRIIOConnector"
    ? [...always, "remote_handshake_port", "remote_notify_port", "transfer_id"]
    : [...always, "remote_request_id", "remote_port"];
}

export function legContext(connector: Connector, sizes: { readonly dp?: number } = {}): LegContext {
  const prefill = workerFacts(connector, "prefill", 8101, sizes.dp ?? 1);
  return {
    attemptId: "r-1",
    nonce: "0123456789abcdef0123456789abcdef",
    api: "completions",
    prefill,
    decode: workerFacts(connector, "decode", 8102, 1),
  };
}

function workerFacts(connector: Connector, role: "prefill" | "decode", httpPort: number, dp: number): WorkerFacts {
  const shape = { role, tp: 1, dp, pp: 1 };
  const ranks = Array.from({ length: dp }, (_, rank) => [String(rank), `engine-of-${role}_dp${rank}`]);
  return {
    ...shape,
    name: `${role}-0`,
    host: "127.0.0.1",
    httpPort,
    ports: Object.fromEntries(connector.ports(shape).map(({ purpose }, index) => [purpose, httpPort + 100 + index])),
    engineId: `${role}-0-g1`,
    engineIdByRank: Object.fromEntries(ranks),
  };
}

export function wiringContext(
  { connector, extraConfig }: Pick<Sample, "connector" | "extraConfig">,
  role: "prefill" | "decode",
  sizes: { readonly tp: number; readonly dp: number } = { tp: 1, dp: 1 },
): WiringContext {
  const shape = { role, pp: 1, ...sizes };
  return {
    ...shape,
    device: "cuda",
    engineVersion: "0.22.1",
    host: "127.0.0.1",
    httpPort: 8101,
    ports: Object.fromEntries(connector.ports(shape).map(({ purpose }, index) => [purpose, 20_123 + index])),
    engineId: `${role}-0-g1`,
    sharedDir: "/run/kv",
    loadFailurePolicy: "fail",
    extraConfig,
  };
}

export function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
}
