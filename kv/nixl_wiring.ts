// What NIXL's two modes, pull and push, share: ports, launch wiring, and which topologies can work.
// Source: vLLM distributed/kv_transfer/kv_connector/v1/nixl; the flags are those of its compatibility hash.

import type { PortNeed, Wiring, WiringContext, WorkerShape } from "./connector.ts";
import { kvParams } from "./handoff.ts";
import type { Json } from "./json.ts";
import { kvTransferConfig, noWiring, portFor, takesPart } from "./kv_transfer_config.ts";
import { blockSizesFit, flagsAgree, type Rule, tpDivides } from "./pair_rules.ts";

/** What prefill is asked in both modes. Engines look only at the two flags; the nulls are customary. */
export const askPrefill = kvParams({
  do_remote_decode: true,
  do_remote_prefill: false,
  remote_engine_id: null,
  remote_block_ids: null,
  remote_host: null,
  remote_port: null,
});

/** Decode listens too. One consecutive port for each DP rank; a taken one makes vLLM hang at start for ever. */
export function nixlPorts({ role, dp }: WorkerShape): readonly PortNeed[] {
  if (!takesPart(role)) return [];
  return [{ purpose: "side_channel", count: dp, env: "VLLM_NIXL_SIDE_CHANNEL_PORT", preferred: 5600 }];
}

export function nixlWiring(
  connectorName: string,
  context: WiringContext,
  members: Readonly<Record<string, Json>> = {},
): Wiring {
  if (!takesPart(context.role)) return noWiring;
  return {
    kvTransferConfig: kvTransferConfig(connectorName, context, {
      ...members,
      kv_load_failure_policy: context.loadFailurePolicy,
    }),
    env: {
      // Both the bind address and what peers are told; vLLM's own default `localhost` may resolve to ::1.
      VLLM_NIXL_SIDE_CHANNEL_HOST: context.host,
      VLLM_NIXL_SIDE_CHANNEL_PORT: String(portFor("side_channel", context)),
      // On GPUs UCX must be free to take NVLink or RDMA; without any, its search for devices can only go wrong.
      ...(context.device === "cpu" ? { UCX_TLS: "tcp" } : {}),
    },
    args: [],
  };
}

export const nixlPairRules: readonly Rule[] = [
  tpDivides,
  blockSizesFit,
  flagsAgree(
    [
      "--dtype",
      "--kv-cache-dtype",
      "--revision",
      "--attention-backend",
      "--hf-overrides",
      "--speculative-config",
      "--disable-hybrid-kv-cache-manager",
    ],
    "NIXL compares a hash of it at the first request and fails every handoff when it differs",
  ),
];
