// MoRIIOConnector for AMD GPUs: prefill writes KV into decode's memory (its default), or decode reads it (`read_mode`).
// Peers are named in the params, not in the request id, which would show worker addresses to clients.
// Source: vLLM distributed/kv_transfer/kv_connector/v1/moriio (0.32.0).

import type { Connector, LegContext, Wiring, WiringContext, WorkerFacts } from "./connector.ts";
import { kvParams, type Legs, noHandoff, paramsEcho, paramsPrebuilt, send } from "./handoff.ts";
import type { Json } from "./json.ts";
import { kvRoleOf, kvTransferConfig, noWiring, portFor, takesPart } from "./kv_transfer_config.ts";
import { canHelpStopping, mustNotStop, stoppable } from "./must_not_stop.ts";
import { blockSizesEqual, flagsAgree, rules, runsOn, sizeIsOne, tpEqual } from "./pair_rules.ts";

const name = "MoRIIOConnector";
const devices = ["rocm"] as const;

const legsOf: Readonly<Record<"read" | "write", Legs>> = {
  read: paramsEcho({
    prefill: (context) => mustNotStop(kvParams(askPrefill(context))),
    required: {
      do_remote_prefill: "true",
      remote_engine_id: "text",
      remote_block_ids: "blocks",
      remote_host: "text",
      remote_handshake_port: "count",
      remote_notify_port: "count",
      tp_size: "count",
      transfer_id: "text",
    },
  }),
  write: paramsPrebuilt({
    legs: "concurrent",
    prefill: (context) => mustNotStop(kvParams({ ...askPrefill(context), ...addressOf(context.decode) })),
    decode: decodeWrite,
  }),
};

export const moriio: Connector = {
  name,
  aliases: ["moriio", "mori"],
  summary: "AMD GPUs: prefill writes KV into decode's memory over RDMA or xGMI; with read_mode decode reads it",
  needs: [
    "ROCm and the Python packages amd_mori and msgpack",
    "an RDMA NIC, or xGMI with backend xgmi",
    "twice TP free ports for each worker",
  ],
  failureModes: [
    {
      when: "prefill's only token stops",
      seen: "no KV is sent and decode waits; pdserve keeps that token from stopping",
    },
    { when: "prefill fails in write mode", seen: "decode waits for ever; pdserve closes the decode leg" },
    {
      when: "a request without params reaches decode",
      seen: "in read mode 200 with nonsense: decode takes the prompt for loaded; pdserve sends none",
    },
    { when: "decode does not take the KV within 60 s (defer_timeout)", seen: "prefill frees it" },
    {
      when: "DP and TP above 1 in one worker",
      seen: "it listens on other ports than its peers call; pdserve refuses it",
    },
  ],
  evidence: "only read: it needs AMD GPUs",
  sources: [
    "vLLM distributed/kv_transfer/kv_connector/v1/moriio",
    "vLLM docs features/moriio_connector_usage",
    "vLLM pull request 29304",
  ],
  engines: { vllm: ">=0.28.0", sim: ">=0.28.0" },
  whyMissing: "pdserve names the peer in kv_transfer_params, which is known to work from vLLM 0.28 on",
  devices,
  imports: ["mori", "msgpack"],
  apis: stoppable,
  leaseMs: 60_000,
  leaseKey: "defer_timeout",
  proof: { covers: "prompt", bytes: null },
  discovery: null,
  servesPlainRequests: false,
  // Handshake and notify ports are base + DP rank + TP rank.
  ports: ({ role, tp, dp }) =>
    takesPart(role)
      ? [
        { purpose: "handshake_port", count: tp + dp - 1, env: null, preferred: 6301 },
        { purpose: "notify_port", count: tp + dp - 1, env: null, preferred: 6401 },
      ]
      : [],
  wiring,
  problems: rules(
    name,
    runsOn(devices, "MoRI is AMD's"),
    sizeIsOne("dp", ["prefill", "decode"], "both legs would have to run on one rank, and its ports clash with TP's"),
    sizeIsOne("pp", ["prefill", "decode"], "its ports are counted by TP and DP rank only"),
    tpEqual,
    blockSizesEqual("blocks are copied one to one"),
    flagsAgree(["--dtype", "--kv-cache-dtype", "--revision"], "blocks are copied as bytes and nothing checks them"),
  ),
  ...legsOf.write,
  configured: ({ read_mode }) => ({ ...moriio, ...(isOn(read_mode) ? legsOf.read : legsOf.write) }),
};

/** As vLLM reads it: true, "true", "1". */
function isOn(value: Json | undefined): boolean {
  return ["true", "1"].includes(String(value ?? "false").trim().toLowerCase());
}

function wiring(context: WiringContext): Wiring {
  if (!takesPart(context.role)) return noWiring;
  const members = { kv_role: kvRoleOf(context.role), kv_load_failure_policy: context.loadFailurePolicy };
  return {
    kvTransferConfig: kvTransferConfig(name, context, members, {
      host_ip: context.host,
      // Required although only its heartbeats to a proxy need it; there is no proxy to ping.
      http_port: context.httpPort,
      proxy_ip: "",
      handshake_port: portFor("handshake_port", context),
      notify_port: portFor("notify_port", context),
    }),
    env: { VLLM_HOST_IP: context.host },
    args: [],
  };
}

/** The nulls are read: their absence is a KeyError in prefill. */
function askPrefill(context: LegContext): Readonly<Record<string, Json>> {
  return {
    do_remote_decode: true,
    do_remote_prefill: false,
    remote_engine_id: null,
    remote_block_ids: null,
    remote_dp_size: context.decode.dp,
    remote_tp_size: context.decode.tp,
    transfer_id: transferId(context),
  };
}

function decodeWrite(context: LegContext) {
  if (!canHelpStopping(context.api)) {
    return noHandoff(`MoRIIO cannot keep a ${context.api} prefill from stopping early`);
  }
  const lacking = [context.prefill, context.decode].find(({ ports }) => !ports.handshake_port || !ports.notify_port);
  if (lacking !== undefined) return noHandoff(`the MoRIIO ports of ${lacking.name} are not known`);
  return send(kvParams({
    do_remote_decode: false,
    do_remote_prefill: true,
    remote_engine_id: null,
    remote_block_ids: null,
    remote_dp_size: context.prefill.dp,
    remote_tp_size: context.prefill.tp,
    remote_dp_rank: 0,
    ...addressOf(context.prefill),
    transfer_id: transferId(context),
  }));
}

function addressOf({ host, ports }: WorkerFacts): Readonly<Record<string, Json>> {
  return {
    remote_host: host,
    remote_handshake_port: ports.handshake_port ?? null,
    remote_notify_port: ports.notify_port ?? null,
  };
}

/** Two requests with one transfer id would get each other's KV. */
function transferId({ attemptId }: LegContext): string {
  return `tx-${attemptId}`;
}
