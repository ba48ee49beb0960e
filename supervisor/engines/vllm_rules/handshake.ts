// Prefill and decode finding each other: side channels, handshakes, and what a bad handoff does to an engine.

import type { DiagnosisRule, Evidence } from "../engine.ts";
import { whoListens } from "./fix_text.ts";
import { saysAnywhere } from "./evidence_facts.ts";

export const handshakeRules: readonly DiagnosisRule[] = [
  {
    id: "side-channel-port-taken",
    line: /zmq\.error\.ZMQError: Address already in use(?: \(addr='tcp:\/\/(?<host>.*):(?<port>\d+)'\))?/,
    why: ({ port }, evidence) =>
      `port ${port ?? "?"} of ${
        channelOf(evidence)
      } is taken, often by an engine left from a killed server; vLLM waits for ever`,
    fix: ({ port }) => `find the holder with ${whoListens(port ?? "?")}, end it, and start again`,
    whileRunning: true,
    example: "zmq.error.ZMQError: Address already in use (addr='tcp://127.0.0.1:5690')",
  },
  {
    id: "side-channel-address-foreign",
    line: /zmq\.error\.ZMQError: Cannot assign requested address(?: \(addr='tcp:\/\/(?<host>.*):(?<port>\d+)'\))?/,
    why: ({ host }, evidence) =>
      `${channelOf(evidence)} was told ${host ?? "an address"}, which is not this machine's; vLLM waits for ever`,
    fix: () => "unset VLLM_NIXL_SIDE_CHANNEL_HOST, or set it to 127.0.0.1",
    whileRunning: true,
    example: "zmq.error.ZMQError: Cannot assign requested address (addr='tcp://192.0.2.1:5725')",
  },
  {
    id: "side-channel-port-range",
    line: /LocationParseError: Failed to parse: tcp:\/\/(?<host>.*):(?<port>\d+)/,
    why: ({ port }, evidence) =>
      `${channelOf(evidence)} was told port ${port}, and ports end at 65535; vLLM waits for ever`,
    fix: () => "unset VLLM_NIXL_SIDE_CHANNEL_PORT: the plan chooses it",
    whileRunning: true,
    example: "urllib3.exceptions.LocationParseError: Failed to parse: tcp://127.0.0.1:70000",
  },
  {
    id: "nixl-incompatible",
    line: /NIXL compatibility hash mismatch/,
    why: () =>
      "prefill and decode differ in vLLM version, model, dtype, KV layout or attention backend, so NIXL refuses",
    fix: () => "give both roles the same --dtype, --kv-cache-dtype, --block-size and --attention-backend, and one vLLM",
    example:
      "(Worker pid=22819) ERROR 11-21 09:21:12 [base_worker.py:1318] RuntimeError: NIXL compatibility hash mismatch. Local: 3f1c, Remote: 9ab0. Prefill and decode instances have incompatible configurations.",
  },
  {
    id: "nixl-other-version",
    line: /Failed to decode NixlHandshakePayload/,
    why: () => "prefill and decode run vLLM versions that cannot talk NIXL to each other",
    fix: () => "run one vLLM for both roles: --engine-command",
    example:
      "(Worker pid=22819) ERROR 11-21 09:21:12 [base_worker.py:1318] RuntimeError: Failed to decode NixlHandshakePayload. This likely indicates an incompatibility between connector version. Error: Expected `str`, got `int`",
  },
  {
    id: "nixl-peer-replaced",
    line: /Remote NIXL agent engine ID mismatch\. Expected (?<wanted>[\w-]+),\s*received (?<found>[\w-]+)/,
    why: ({ wanted, found }) =>
      `a request named prefill engine ${wanted}, but ${found} answers there: it was restarted`,
    fix: () => "nothing to set: the next request prefills again; restart the decode worker if it goes on",
    example:
      "(Worker pid=22819) ERROR 11-21 09:21:12 [base_worker.py:1318] RuntimeError: Remote NIXL agent engine ID mismatch. Expected 00000000-0000-4000-8000-000000000000,received 33345126-d129-4ad2-aa1e-64724c85a055.",
  },
  {
    id: "nixl-peer-silent",
    line: /zmq\.error\.Again: Resource temporarily unavailable/,
    why: () => "the prefill worker's side channel did not answer in 5 s",
    fix: () => "check that the prefill worker lives and its side_channel port is the one in pdserve plan",
    example:
      "(Worker pid=22819) ERROR 11-21 09:21:19 [base_worker.py:1318] zmq.error.Again: Resource temporarily unavailable",
  },
  {
    id: "partial-transfer-params",
    line: /AssertionError$/,
    when: (_, evidence) => saysAnywhere(evidence, "assert num_external_tokens == 0"),
    why: () => "a request carried only a part of kv_transfer_params, which ends the whole engine",
    fix: () => "send requests through pdserve's API, which removes kv_transfer_params that clients send",
    example: "(EngineCore pid=22577) ERROR 11-21 09:22:32 [core.py:1512] AssertionError",
  },
];

function channelOf(evidence: Evidence): string {
  return saysAnywhere(evidence, "nixl_handshake_listener") ? "NIXL's side channel" : "a ZMQ socket";
}
