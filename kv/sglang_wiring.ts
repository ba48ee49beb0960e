// SGLang's handoff, the same for all its transfer backends: each prefill worker runs a bootstrap server, and both legs of
// a request name it and a room in which their engines find each other.
// Source: SGLang srt/disaggregation; transcripts of a real 0.5.23 over NIXL and Mooncake's TCP.

import type { Connector, DecodeLeg, LegContext, PortNeed, Wiring, WiringContext, WorkerShape } from "./connector.ts";
import { noHandoff, send } from "./handoff.ts";
import { portFor, takesPart } from "./kv_transfer_config.ts";
import type { LegEdit } from "./leg_edit.ts";
import { blockSizesEqual, error, flagsAgree, type Rule, tpDivides } from "./pair_rules.ts";

export type SglangBackend = "nixl" | "mooncake" | "mooncake_tcp" | "mori" | "ascend" | "fake";

/** Two prefill workers of one machine that share a port answer for each other's rooms. */
export function sglangPorts({ role }: WorkerShape): readonly PortNeed[] {
  return role === "prefill" ? [{ purpose: "bootstrap", count: 1, env: null, preferred: 8998 }] : [];
}

/** No kv_transfer_config: SGLang takes all of it as arguments. */
export function sglangWiring(backend: SglangBackend, context: WiringContext): Wiring {
  const { role, device } = context;
  if (!takesPart(role)) return { kvTransferConfig: {}, env: {}, args: [] };
  const port = role === "prefill" ? ["--disaggregation-bootstrap-port", String(portFor("bootstrap", context))] : [];
  return {
    kvTransferConfig: {},
    // On GPUs UCX must be free to take NVLink or RDMA; without any, its search for devices can only go wrong.
    env: backend === "nixl" && device === "cpu" ? { UCX_TLS: "tcp" } : {},
    args: ["--disaggregation-mode", role, "--disaggregation-transfer-backend", backend, ...port],
  };
}

/** Room and address are the same on both legs; a client's own are replaced. */
export const bootstrapLegs: Pick<
  Connector,
  "shape" | "legs" | "twinLegs" | "splitsBatches" | "prefillLeg" | "decodeLeg"
> = {
  shape: "bootstrap",
  legs: "concurrent",
  twinLegs: true,
  splitsBatches: true,
  prefillLeg: (context) => {
    const { set, drop, headers } = meetingPlace(context);
    // A whole answer says at once whether the transfer worked, and holds the prompt's log-probabilities in one piece.
    return { set: { ...set, stream: false }, drop: [...drop, "stream_options"], headers };
  },
  decodeLeg,
};

function decodeLeg(context: LegContext): DecodeLeg {
  const { prefill, decode } = context;
  if (prefill.name === decode.name) return noHandoff(`${prefill.name} and ${decode.name} are the same worker`);
  if (context.room === undefined) return noHandoff("no room is known for the request");
  if (prefill.ports.bootstrap === undefined) return noHandoff(`the bootstrap port of ${prefill.name} is not known`);
  return send(meetingPlace(context));
}

/**
 * One room for a batch as well: its further prompts take the numbers that follow. Room 0 makes decode wait for ever, and
 * the host of an IPv6 address stands here without brackets.
 */
function meetingPlace({ prefill, room }: LegContext): LegEdit {
  return {
    set: {
      bootstrap_host: prefill.host,
      bootstrap_port: prefill.ports.bootstrap ?? null,
      bootstrap_room: room ?? null,
    },
    drop: [],
    headers: {},
  };
}

/** Decode asks the bootstrap server how prefill is laid out; with DP attention prefill's rank is room % dp. */
export const sglangPairRules: readonly Rule[] = [
  tpDivides,
  blockSizesEqual("pages are copied one to one"),
  flagsAgree(["--page-size"], "pages are copied one to one"),
  flagsAgree(["--kv-cache-dtype", "--dtype"], "decode refuses KV of another type when it first meets prefill"),
  flagsAgree(["--revision"], "nothing checks that the weights are the same"),
  decodeHasNoPipeline,
  ranksShareAttention,
];

/** Seen on 0.5.23: ranks that are servers of their own all call themselves rank 0, so that every odd room of two fails. */
function ranksShareAttention({ workers }: Parameters<Rule>[0], name: string): ReturnType<Rule> {
  const wrong = workers.find(({ dp }) => dp > 1);
  return wrong === undefined ? [] : [error(
    `${name} cannot run ${wrong.name} with --dp-size ${wrong.dp} alone`,
    "a handoff's room names its rank only where the ranks share their attention, and half of the requests would fail",
    `--enable-dp-attention with --tp ${wrong.tp * wrong.dp}; or ${wrong.dp} workers`,
  )];
}

function decodeHasNoPipeline({ workers }: Parameters<Rule>[0], name: string): ReturnType<Rule> {
  const wrong = workers.find(({ role, pp }) => role === "decode" && pp > 1);
  return wrong === undefined ? [] : [error(
    `${name} cannot run ${wrong.name} with --pp-size ${wrong.pp}`,
    "SGLang's decode side has no pipeline parallelism",
    "--pp-size 1 for decode",
  )];
}
