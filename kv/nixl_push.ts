// NixlPushConnector: decode registers its blocks, prefill writes into them. Both legs start at once.
// The engines match the legs by X-Request-Id, so both must carry the same one on the same route, one prompt, n = 1.
// Source: vLLM distributed/kv_transfer/kv_connector/v1/nixl (push_*); seen on a real 0.32.0: a decode leg without its
// prefill leg waits for ever, so the router must close it when prefill fails.

import type { Connector, LegContext } from "./connector.ts";
import { dpRankHeaders, pinnedRank, rankedEngineId } from "./dp_rank.ts";
import { kvParams, noHandoff, paramsPrebuilt, requestIdHeader, send } from "./handoff.ts";
import { askPrefill, nixlPairRules, nixlPorts, nixlWiring } from "./nixl_wiring.ts";
import { rules, runsOn, sizeIsOne } from "./pair_rules.ts";

const devices = ["cuda", "cpu", "rocm", "xpu"] as const;

export const nixlPush: Connector = {
  name: "NixlPushConnector",
  aliases: ["nixl-push"],
  summary: "Prefill writes KV into decode's memory over NIXL, both legs at once; experimental in vLLM",
  needs: ["the Python package nixl", "one free port for each DP rank of every worker"],
  failureModes: [
    {
      when: "a decode leg without its prefill leg: prefill failed, or the request ids or routes differ",
      seen: "decode waits for ever and keeps the blocks after the client has gone; pdserve closes the other leg",
    },
    { when: "n above 1", seen: "decode waits for ever: neither child finds its half; pdserve sends it whole" },
    { when: "decode comes after prefill's lease of 30 s", seen: "decode waits for ever" },
    {
      when: "prefill dies after a good handshake",
      seen: "decode waits for ever, whatever kv_load_failure_policy says",
    },
    { when: "a wrong port or engine id", seen: "decode answers 500 after 0.2 to 6 s" },
    {
      when: "one member of the params is missing",
      seen: "KeyError: the decode server ends with exit code 0; pdserve always sends all",
    },
  ],
  evidence: "ran on vLLM 0.32.0 on CPU: completions, chat and streams equal one plain worker in 15 of 15 cases",
  sources: ["vLLM distributed/kv_transfer/kv_connector/v1/nixl/push_scheduler.py", "vLLM pull request 35264"],
  engines: { vllm: ">=0.26.0", sim: ">=0.26.0" },
  whyMissing: "vLLM has it since 0.26",
  devices,
  imports: ["nixl"],
  leaseMs: 30_000,
  leaseKey: "kv_lease_duration",
  // The side that starts the transfer counts the bytes: prefill, as it writes.
  proof: { covers: "prompt", bytes: { metric: "vllm:nixl_bytes_transferred_sum", on: "prefill" } },
  discovery: null,
  servesPlainRequests: true,
  ports: nixlPorts,
  // The router must know prefill's engine id before prefill has said anything.
  wiring: (context) => nixlWiring("NixlPushConnector", context, { engine_id: context.engineId }),
  problems: rules(
    "NixlPushConnector",
    runsOn(devices, "NIXL has no buffers for it"),
    ...nixlPairRules,
    sizeIsOne("pp", ["decode"], "vLLM raises NotImplementedError for a NIXL decode worker with PP above 1"),
  ),
  ...paramsPrebuilt({
    legs: "concurrent",
    prefill: (context) => ({
      ...askPrefill,
      headers: { [requestIdHeader]: context.attemptId, ...dpRankHeaders(context) },
    }),
    decode: decodeLeg,
  }),
};

/** Every member is required by the engine: one missing is a KeyError that ends the decode server. */
function decodeLeg(context: LegContext) {
  const { prefill, attemptId } = context;
  const sideChannel = prefill.ports.side_channel;
  if (prefill.engineId === null) return noHandoff(`${prefill.name} runs with an engine_id that is not known`);
  if (sideChannel === undefined) return noHandoff(`the NIXL side channel port of ${prefill.name} is not known`);
  const params = kvParams({
    do_remote_decode: false,
    do_remote_prefill: true,
    remote_engine_id: rankedEngineId(prefill.engineId, context),
    remote_request_id: attemptId,
    remote_host: prefill.host,
    remote_port: sideChannel + pinnedRank(context),
    tp_size: prefill.tp,
    pp_size: prefill.pp,
  });
  return send({ ...params, headers: { [requestIdHeader]: attemptId } });
}
