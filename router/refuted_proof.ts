// A canary that did not prove the handoff, told so that the reader knows which part is wrong.

import type { DecodeLeg } from "../kv/connector.ts";
import type { Diagnosis } from "../supervisor/engines/engine.ts";
import type { PairProof } from "../supervisor/events.ts";
import type { RouterIo } from "./router_io.ts";

/** What was seen instead of a transfer. */
export type Found =
  | { readonly is: "unknown-worker" }
  | { readonly is: "no-answer"; readonly reason: string }
  | {
    readonly is: "not-moved";
    readonly promptTokens: number;
    readonly moved: number;
    readonly recomputed: number;
    /** What the connector told the router to send. */
    readonly decodeLeg: DecodeLeg | null;
  };

interface Names {
  readonly prefill: string;
  readonly decode: string;
}

type Text = Omit<Diagnosis, "line">;

export function refutedProof(names: Names, found: Found, { connector }: RouterIo): PairProof {
  const text = textOf(names, found, connector);
  return { is: "refuted", ...names, diagnosis: { ...text, line: null } };
}

function textOf(names: Names, found: Found, connector: RouterIo["connector"]): Text {
  const { prefill, decode } = names;
  switch (found.is) {
    case "unknown-worker":
      return {
        rule: "canary-unknown-worker",
        what: `The fleet has no pair ${prefill} and ${decode}`,
        why: "A worker left between planning and proving",
        fix: "Start again",
      };
    case "no-answer":
      return {
        rule: "canary-no-answer",
        what: `The canary request through ${prefill} and ${decode} was not answered`,
        why: found.reason,
        fix: `pdserve logs ${prefill} and pdserve logs ${decode} show what the engines said`,
      };
    case "not-moved":
      return { rule: "canary-not-moved", ...notMoved(names, found, connector) };
  }
}

function notMoved(
  { prefill, decode }: Names,
  { promptTokens, moved, recomputed, decodeLeg }: Extract<Found, { is: "not-moved" }>,
  connector: RouterIo["connector"],
): Omit<Text, "rule"> {
  const what = recomputed > 0
    ? `${decode} computed ${recomputed} of the canary's ${promptTokens} prompt tokens itself; ` +
      `${moved} came from ${prefill}`
    : `No KV is seen to have moved from ${prefill} to ${decode}: ${moved} of ${promptTokens} prompt tokens`;
  const carriesParams = decodeLeg?.is === "send" && "kv_transfer_params" in decodeLeg.edit.set;
  const needsParams = connector.shape === "params-echo" || connector.shape === "params-prebuilt" ||
    connector.shape === "announced";
  if (needsParams && !carriesParams) {
    return {
      what,
      why: "The decode leg carried no kv_transfer_params, so decode did not know of any KV to fetch",
      fix: `--kv-connector with the connector the workers run; ${connector.name} needs kv_transfer_params`,
    };
  }
  const why = needsParams
    ? `${decode} acted as if it got no kv_transfer_params: it runs without ${connector.name}, or with another kv_role`
    : `${decode} did not find the KV where ${connector.name} leaves it`;
  return {
    what,
    why,
    fix: `Compare --kv-transfer-config of ${prefill} and ${decode}; both must name ${connector.name}`,
  };
}
