// OffloadingConnector's secondary tier of type p2p: decode fetches from prefill's host memory what prefill stored there.
// Source: vLLM v1/kv_offload/tiering/p2p/manager.py (0.32.0): params, ports, and 60 s for blocks nobody has fetched.

import type { Connector, ExtraConfig, LegContext, Wiring, WiringContext } from "./connector.ts";
import { dpRankHeaders, pinnedRank } from "./dp_rank.ts";
import { kvParams, noHandoff, paramsPrebuilt, send } from "./handoff.ts";
import type { Json } from "./json.ts";
import { kvTransferConfig, noWiring, portFor, takesPart } from "./kv_transfer_config.ts";
import { blockSizesEqual, error, flagsAgree, type Rule, rules, tpEqual } from "./pair_rules.ts";
import { sameHashes } from "./shared_store.ts";

type Tier = Readonly<Record<string, Json>>;

const name = "OffloadingConnector";
const unclaimedMs = 60_000;

/** The p2p entry of `secondary_tiers`; null where there is none. */
export function p2pTierOf({ secondary_tiers: tiers }: ExtraConfig): Tier | null {
  if (!Array.isArray(tiers)) return null;
  return tiers.find((tier: Json): tier is Tier =>
    typeof tier === "object" && tier !== null && !Array.isArray(tier) && (tier as Tier).type === "p2p"
  ) ?? null;
}

/** `own` is the connector without a handoff, whose device and size rules hold here as well. */
export function offloadingP2p({ cannotHandOver: _, ...own }: Connector, tier: Tier): Connector {
  const seconds = Number(tier.unbound_store_timeout_s);
  return {
    ...own,
    engines: { vllm: ">=0.28.0", sim: ">=0.28.0" },
    whyMissing: "its p2p tier is known to pdserve from vLLM 0.28 on",
    imports: ["nixl"],
    leaseMs: seconds > 0 ? seconds * 1000 : unclaimedMs,
    ports: ({ role, dp }) =>
      takesPart(role)
        ? [{ purpose: "p2p_side_channel", count: dp, env: "VLLM_P2P_SIDE_CHANNEL_PORT", preferred: 5710 }]
        : [],
    wiring,
    problems: (topology) => [...own.problems(topology), ...pairProblems(tier)(topology)],
    ...paramsPrebuilt({ legs: "sequential", prefill: prefillLeg, decode: decodeLeg }),
  };
}

function wiring(context: WiringContext): Wiring {
  if (!takesPart(context.role)) return noWiring;
  return {
    kvTransferConfig: kvTransferConfig(name, context, { kv_role: "kv_both" }, { spec_name: "TieringOffloadingSpec" }),
    env: {
      // Bind address and what peers dial back; vLLM's own default `localhost` may resolve to ::1.
      VLLM_P2P_SIDE_CHANNEL_HOST: context.host,
      VLLM_P2P_SIDE_CHANNEL_PORT: String(portFor("p2p_side_channel", context)),
      ...sameHashes,
    },
    args: [],
  };
}

function prefillLeg(context: LegContext) {
  return {
    ...kvParams({ remote_decoder: { kv_request_id: requestId(context) } }),
    headers: dpRankHeaders(context),
  };
}

function decodeLeg(context: LegContext) {
  const { prefill } = context;
  const port = prefill.ports.p2p_side_channel;
  if (port === undefined) return noHandoff(`the p2p side channel port of ${prefill.name} is not known`);
  const from = { remote_host: prefill.host, remote_port: port + pinnedRank(context) };
  return send(kvParams({ remote_prefiller: { kv_request_id: requestId(context), ...from } }));
}

function requestId({ attemptId }: LegContext): string {
  return `kv-${attemptId}`;
}

function pairProblems(tier: Tier): Connector["problems"] {
  return rules(
    name,
    tpEqual,
    blockSizesEqual("keys are hashes of blocks, so decode would look for other ones"),
    flagsAgree(["--dtype", "--kv-cache-dtype", "--revision"], "the tier compares them when workers first meet"),
    addressIsOurs(tier),
  );
}

/** One extra config serves all workers, and two of them cannot listen on one port. */
function addressIsOurs(tier: Tier): Rule {
  return () =>
    !("host" in tier) && !("port" in tier) ? [] : [error(
      "Leave host and port out of the p2p tier",
      "each worker listens on a port of its own, which pdserve chooses",
      `--kv-extra-config with {"type":"p2p"} in secondary_tiers`,
    )];
}
