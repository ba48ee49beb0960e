// P2pNcclConnector: prefill sends KV layer by layer over NCCL to the decode worker that the request id names.
// Source: vLLM 0.22 distributed/kv_transfer/kv_connector/v1/p2p; removed in 0.23. It has no time limits anywhere: a
// decode engine whose KV does not come stops as a whole, so a request without the id must never reach it.

import type { Connector, LegContext, Wiring, WiringContext, WorkerFacts } from "./connector.ts";
import { requestIdNamesPair } from "./handoff.ts";
import { kvTransferConfig, noWiring, portFor, takesPart } from "./kv_transfer_config.ts";
import { blockSizesEqual, flagsAgree, type Rule, rules, runsOn, sizeIsOne, tpEqual, warning } from "./pair_rules.ts";
import { inRange } from "./version_range.ts";

const devices = ["cuda"] as const;

/** Between the two pull requests nothing can keep the ids of both legs equal. */
const idsMayDiffer: Rule = ({ engineVersion }, name) =>
  !inRange(engineVersion, ">=0.14.0 <0.17.0") ? [] : [warning(
    `${name} may wait for ever on vLLM ${engineVersion}`,
    "0.14 adds random letters to request ids (#27987); the switch that stops it came on 2026-02-14 (#34415)",
    "vLLM 0.17 to 0.22, or 0.13",
  )];

export const p2pNccl: Connector = {
  name: "P2pNcclConnector",
  aliases: ["p2p-nccl", "p2pnccl"],
  summary: "Prefill sends KV over NCCL; vLLM up to 0.22 and CUDA only",
  needs: ["CUDA with NCCL", "the Python packages pyzmq and msgpack", "TP × PP free ports in a row for each worker"],
  failureModes: [
    {
      when: "prefill's KV does not come, for whatever reason",
      seen: "the whole decode engine stops, all its requests with it: there is no time limit anywhere",
    },
    {
      when: "a request without the pair's name in its id",
      seen: "ValueError in prefill, a stopped engine in decode; pdserve never sends one",
    },
    { when: "the ids of both legs differ (vLLM 0.14 to 0.16 add letters to them)", seen: "decode stops" },
    { when: "decode's buffer is full", seen: "a warning, then nonsense" },
    { when: "one worker restarts", seen: "its peers hold on to the old addresses and need a restart too" },
  ],
  evidence: "only read: it needs CUDA and a vLLM up to 0.22",
  sources: ["vLLM 0.22 distributed/kv_transfer/kv_connector/v1/p2p", "vLLM pull request 44854 (removed)"],
  engines: { vllm: ">=0.9.0 <0.23.0", sim: ">=0.9.0 <0.23.0" },
  whyMissing: "vLLM removed it in 0.23 (pull request #44854)",
  devices,
  imports: ["msgpack", "zmq"],
  leaseMs: null,
  // Decode computes the prompt's last token itself and counts one token less than the prompt.
  proof: { covers: "whole-blocks", bytes: null },
  discovery: null,
  peersRestartToo: true,
  servesPlainRequests: false,
  ports: ({ role, tp, pp }) =>
    takesPart(role) ? [{ purpose: "kv_port", count: tp * pp, env: null, preferred: 21001 }] : [],
  wiring,
  problems: rules(
    "P2pNcclConnector",
    runsOn(devices, "it sends with NCCL"),
    tpEqual,
    sizeIsOne("dp", ["prefill", "decode"], "its port is counted by rank inside one engine"),
    blockSizesEqual("blocks are copied one to one"),
    flagsAgree(
      ["--dtype", "--kv-cache-dtype", "--revision"],
      "tensors are received as they come and nothing checks them",
    ),
    idsMayDiffer,
  ),
  ...requestIdNamesPair(pairName),
};

function wiring(context: WiringContext): Wiring {
  if (!takesPart(context.role)) return noWiring;
  return {
    kvTransferConfig: kvTransferConfig("P2pNcclConnector", context, {
      kv_port: portFor("kv_port", context),
      // Bytes of GPU memory for what arrives; more goes to pinned host memory. Prefill receives nothing.
      kv_buffer_size: context.role === "prefill" ? 10 : 1_000_000_000,
    }, {
      // Empty: no heartbeats to a proxy, pdserve knows its workers.
      proxy_ip: "",
      send_type: "PUT_ASYNC",
    }),
    env: {
      // Bind address and what the request id names.
      VLLM_HOST_IP: context.host,
      // Tensors are keyed by the engine's own request id, which must be the same on both sides.
      ...(inRange(context.engineVersion, ">=0.14.0") ? { VLLM_DISABLE_REQUEST_ID_RANDOMIZATION: "1" } : {}),
    },
    args: [],
  };
}

/** Each side finds the other's ZMQ address, not the HTTP one, in the id; the digits make it unique. */
function pairName({ prefill, decode, nonce }: LegContext): string | null {
  const from = zmqAddress(prefill);
  const to = zmqAddress(decode);
  return from === null || to === null ? null : `___prefill_addr_${from}___decode_addr_${to}_${nonce}`;
}

function zmqAddress({ host, ports }: WorkerFacts): string | null {
  return ports.kv_port === undefined ? null : `${host}:${ports.kv_port}`;
}
