// MooncakeConnector: decode asks prefill's workers for the blocks, prefill pushes them when it has finished.
// The legs are matched by `transfer_id` and run at once; prefill's reply carries no params.
// Source: vLLM distributed/kv_transfer/kv_connector/v1/mooncake; transcripts of a real 0.32.0 over TCP.

import type { Connector, LegContext, Wiring, WiringContext } from "./connector.ts";
import { dpRankHeaders, pinnedRank } from "./dp_rank.ts";
import { kvParams, noHandoff, paramsPrebuilt, send } from "./handoff.ts";
import { kvTransferConfig, noWiring, portFor, takesPart } from "./kv_transfer_config.ts";
import { readBootstrap } from "./mooncake_bootstrap.ts";
import { canHelpStopping, mustNotStop, stoppable } from "./must_not_stop.ts";
import { blockSizesEqual, flagsAgree, type Rule, rules, runsOn, tpDivides, warning } from "./pair_rules.ts";

const devices = ["cuda"] as const;

const bootstrapIsOpen: Rule = ({ engine }) =>
  engine === "sim" ? [] : [warning(
    "Mooncake's bootstrap server listens on all addresses of this machine",
    "vLLM binds it to 0.0.0.0 and has no setting for it",
    "block its port from outside, or --kv-connector NixlConnector",
  )];

export const mooncake: Connector = {
  name: "MooncakeConnector",
  aliases: ["mooncake"],
  summary: "Prefill pushes KV with Mooncake's transfer engine, both legs at once; TCP unless RDMA is asked for",
  needs: [
    "the Python package mooncake-transfer-engine, or mooncake-transfer-engine-cuda13",
    "a CUDA device; an RDMA NIC only for mooncake_protocol rdma",
    "one free port for each prefill worker",
  ],
  failureModes: [
    {
      when: "prefill's only token stops (EOS, stop token)",
      seen: "prefill drops the KV and decode waits up to 540 s; pdserve keeps that token from stopping",
    },
    { when: "prefill fails", seen: "decode waits, for ever before pull request 50984; pdserve closes the decode leg" },
    { when: "the client leaves after prefill", seen: "prefill keeps the blocks for 480 s" },
    { when: "a worker gets the flag of the other role", seen: "AssertionError: the engine ends" },
    {
      when: "routes other than completions and chat",
      seen: "no handoff: nothing there keeps the token from stopping",
    },
    { when: "the wrong CUDA build of the package", seen: "at start: libcudart.so.12 or .13 cannot be opened" },
  ],
  evidence: "ran on vLLM 0.32.0 over TCP, both orders; RDMA and unequal TP only read",
  sources: [
    "vLLM distributed/kv_transfer/kv_connector/v1/mooncake",
    "vLLM docs features/mooncake_connector_usage",
    "vLLM pull requests 31034 and 50984",
  ],
  engines: { vllm: ">=0.16.0", sim: ">=0.16.0" },
  whyMissing: "its bootstrap protocol came with vLLM 0.16 (pull request #31034)",
  devices,
  imports: ["mooncake"],
  apis: stoppable,
  leaseMs: 480_000,
  proof: { covers: "prompt", bytes: null },
  discovery: { purpose: "bootstrap", path: "/query", read: readBootstrap },
  servesPlainRequests: true,
  // Only prefill opens a bootstrap server, one for all its ranks.
  ports: ({ role }) =>
    role === "prefill"
      ? [{ purpose: "bootstrap", count: 1, env: "VLLM_MOONCAKE_BOOTSTRAP_PORT", preferred: 8998 }]
      : [],
  wiring,
  problems: rules(
    "MooncakeConnector",
    runsOn(devices, "vLLM's MooncakeConnector asks for the current CUDA device"),
    tpDivides,
    blockSizesEqual("prefill and decode memory is registered in regions of one block and must match in length"),
    flagsAgree(["--dtype", "--kv-cache-dtype", "--revision"], "blocks are copied as bytes and nothing checks them"),
    bootstrapIsOpen,
  ),
  ...paramsPrebuilt({ legs: "concurrent", prefill: prefillLeg, decode: decodeLeg }),
};

/**
 * `mooncake_protocol` is tcp for everybody: it works on any box, while vLLM's own default `rdma` needs a NIC that a plan
 * cannot see. Whoever has one says so with `--kv-extra-config '{"mooncake_protocol":"rdma"}'`.
 */
function wiring(context: WiringContext): Wiring {
  if (!takesPart(context.role)) return noWiring;
  const members = { kv_load_failure_policy: context.loadFailurePolicy };
  return {
    kvTransferConfig: kvTransferConfig("MooncakeConnector", context, members, { mooncake_protocol: "tcp" }),
    env: {
      // Mooncake's own sockets bind and advertise what vLLM takes for this machine's address.
      VLLM_HOST_IP: context.host,
      ...(context.role === "prefill" ? { VLLM_MOONCAKE_BOOTSTRAP_PORT: String(portFor("bootstrap", context)) } : {}),
    },
    args: [],
  };
}

function prefillLeg(context: LegContext) {
  const ask = { do_remote_decode: true, do_remote_prefill: false, transfer_id: transferId(context) };
  return mustNotStop({ ...kvParams(ask), headers: dpRankHeaders(context) });
}

function decodeLeg(context: LegContext) {
  const { prefill, api } = context;
  if (!canHelpStopping(api)) {
    return noHandoff(`Mooncake cannot keep a ${api} prefill from stopping early`);
  }
  const engineId = prefill.engineIdByRank[String(pinnedRank(context))];
  const bootstrap = prefill.ports.bootstrap;
  if (engineId === undefined) return noHandoff(`${prefill.name} has not told its engine id yet`);
  if (bootstrap === undefined) return noHandoff(`the Mooncake bootstrap port of ${prefill.name} is not known`);
  return send(kvParams({
    do_remote_decode: false,
    do_remote_prefill: true,
    remote_bootstrap_addr: `http://${prefill.host}:${bootstrap}`,
    remote_engine_id: engineId,
    transfer_id: transferId(context),
  }));
}

/** Two requests with one transfer id would get each other's KV. */
function transferId({ attemptId }: LegContext): string {
  return `xfer-${attemptId}`;
}
