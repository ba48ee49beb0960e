// LMCache's PD mode: prefill writes KV into decode's LMCache over NIXL, and tells the router over ZeroMQ when it is there.
// Prefill's answer comes earlier than that word; decode started at the answer would compute the prompt, silently.
// Source: LMCache 0.5.6 v1/storage_backend/pd_backend.py; vLLM lmcache_integration/vllm_v1_adapter.py (disagg_spec).

import type { Connector, ExtraConfig, LegContext, Wiring, WiringContext } from "./connector.ts";
import { announced, kvParams, noHandoff, send } from "./handoff.ts";
import type { Json } from "./json.ts";
import { kvRoleOf, portFor, takesPart } from "./kv_transfer_config.ts";
import { noEdit } from "./leg_edit.ts";
import { rules, sizeIsOne, tpEqual } from "./pair_rules.ts";
import { storeWiring } from "./shared_store.ts";

const name = "LMCacheConnectorV1";
/** Of the GPU memory in which each worker sends or receives. */
const bufferBytes = 1_073_741_824;

/** `enable_nixl` is its older name. */
export function isPdMode(extraConfig: ExtraConfig): boolean {
  return ["lmcache.enable_pd", "lmcache.enable_nixl"].some((key) => String(extraConfig[key] ?? false) === "true");
}

/** `store` is the connector over a common store, whose device and needs hold here as well. */
export function lmcachePd(store: Connector): Connector {
  return {
    ...store,
    // Decode takes everything out of its own LMCache, where no store has to be.
    problems: (topology) => [...store.problems(topology), ...pairProblems(topology)],
    ports: ({ role, tp }) =>
      role === "prefill" ? [{ purpose: "pd_proxy", count: 1, env: null, preferred: 7500 }] : role === "decode"
        ? [
          { purpose: "pd_init", count: tp, env: null, preferred: 7300 },
          { purpose: "pd_alloc", count: tp, env: null, preferred: 7400 },
        ]
        : [],
    wiring,
    ...announced({ portPurpose: "pd_proxy", idOf: requestId, prefill: prefillLeg, decode: decodeLeg }),
  };
}

const pairProblems = rules(
  name,
  tpEqual,
  sizeIsOne("dp", ["prefill", "decode"], "its ports are counted by TP rank only"),
  sizeIsOne("pp", ["prefill", "decode"], "its ports are counted by TP rank only"),
);

function wiring(context: WiringContext): Wiring {
  const own = context.role === "prefill" ? senderKeys(context) : context.role === "decode" ? receiverKeys(context) : {};
  const extra = { lmcache_rpc_port: context.engineId, ...own };
  const wired = storeWiring(name, context, extra, { kv_role: kvRoleOf(context.role) });
  return takesPart(context.role) ? { ...wired, args: ["--no-enable-chunked-prefill"] } : wired;
}

const commonKeys = {
  "lmcache.enable_pd": true,
  "lmcache.local_cpu": false,
  "lmcache.transfer_channel": "nixl",
  "lmcache.pd_buffer_size": bufferBytes,
  "lmcache.pd_buffer_device": "cuda",
} as const;

function senderKeys(context: WiringContext): Readonly<Record<string, Json>> {
  return {
    ...commonKeys,
    "lmcache.pd_role": "sender",
    "lmcache.pd_proxy_host": context.host,
    "lmcache.pd_proxy_port": portFor("pd_proxy", context),
  };
}

function receiverKeys(context: WiringContext): Readonly<Record<string, Json>> {
  return {
    ...commonKeys,
    "lmcache.pd_role": "receiver",
    "lmcache.pd_peer_host": context.host,
    "lmcache.pd_peer_init_port": inARow(portFor("pd_init", context), context.tp),
    "lmcache.pd_peer_alloc_port": inARow(portFor("pd_alloc", context), context.tp),
  };
}

function prefillLeg(context: LegContext) {
  const { host, ports, tp } = context.decode;
  const { pd_init, pd_alloc } = ports;
  if (pd_init === undefined || pd_alloc === undefined) return noEdit;
  return kvParams({
    disagg_spec: {
      req_id: requestId(context),
      receiver_host: host,
      receiver_init_port: inARow(pd_init, tp),
      receiver_alloc_port: inARow(pd_alloc, tp),
    },
  });
}

function decodeLeg({ prefill, decode }: LegContext) {
  const lacking = prefill.ports.pd_proxy === undefined ? prefill : decode.ports.pd_init === undefined ? decode : null;
  return lacking === null ? send(noEdit) : noHandoff(`the ports of LMCache's PD mode of ${lacking.name} are not known`);
}

function requestId({ attemptId }: LegContext): string {
  return attemptId;
}

/** One for each TP rank. */
function inARow(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, rank) => first + rank);
}
