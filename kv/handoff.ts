// The shapes of a handoff, each used by several connectors: what prefill is asked, and what decode is told of it.
// General edits of a leg (one token, no stream, the client's own params removed) are the router's, not repeated here.

import type { Arrival, Connector, DecodeLeg, LegContext, PrefillReply } from "./connector.ts";
import type { Json, RawJson } from "./json.ts";
import { type LegEdit, noEdit } from "./leg_edit.ts";
import { type Required, whyIncomplete } from "./params_check.ts";

export type Legs = Pick<
  Connector,
  "shape" | "legs" | "prefillLeg" | "decodeLeg" | "replyNeeds" | "cannotHandOver" | "arrival"
>;

export const requestIdHeader = "x-request-id";

/** The prefill reply's params go to decode byte for byte, once they are known to be complete. */
export function paramsEcho(
  protocol: { prefill(context: LegContext): LegEdit; readonly required: Required },
): Legs {
  return {
    shape: "params-echo",
    legs: "sequential",
    replyNeeds: Object.keys(protocol.required),
    prefillLeg: protocol.prefill,
    decodeLeg(context, reply) {
      if (reply === null || reply.params === null || reply.raw === null) {
        return noHandoff(silentPrefill(context, reply));
      }
      const reason = whyNotAPair(context) ?? whyForeign(context, reply.params) ??
        whyIncomplete(reply.params, protocol.required);
      return reason === null ? send(kvParams(reply.raw)) : noHandoff(reason);
    },
  };
}

/** The router writes both legs' params. `decode` is asked only for a true pair. */
export function paramsPrebuilt(
  protocol: {
    readonly legs: Connector["legs"];
    prefill(context: LegContext): LegEdit;
    decode(context: LegContext): DecodeLeg;
  },
): Legs {
  return {
    shape: "params-prebuilt",
    legs: protocol.legs,
    prefillLeg: protocol.prefill,
    decodeLeg(context) {
      const reason = whyNotAPair(context);
      return reason === null ? protocol.decode(context) : noHandoff(reason);
    },
  };
}

/** Prefill, then decode, both as the client wrote the request: the KV waits where both workers see it. */
export const plainTwoStep: Legs = {
  shape: "plain-two-step",
  legs: "sequential",
  prefillLeg: () => noEdit,
  decodeLeg: () => send(noEdit),
};

/** Prefill is told where to send, and decode starts at its word that the KV is there. */
export function announced(
  protocol: Arrival & { prefill(context: LegContext): LegEdit; decode(context: LegContext): DecodeLeg },
): Legs {
  return {
    shape: "announced",
    legs: "sequential",
    arrival: { portPurpose: protocol.portPurpose, idOf: protocol.idOf },
    prefillLeg: protocol.prefill,
    decodeLeg(context) {
      const reason = whyNotAPair(context);
      return reason === null ? protocol.decode(context) : noHandoff(reason);
    },
  };
}

/** Both legs carry one request id that names the two workers; null where a worker's part of the name is not known. */
export function requestIdNamesPair(nameOf: (context: LegContext) => string | null): Legs {
  const edit = (name: string | null): LegEdit =>
    name === null ? noEdit : { set: {}, drop: [], headers: { [requestIdHeader]: name } };
  return {
    shape: "request-id",
    legs: "sequential",
    prefillLeg: (context) => edit(nameOf(context)),
    decodeLeg(context) {
      const name = nameOf(context);
      const reason = whyNotAPair(context) ?? (name === null ? "the workers' KV addresses are not known" : null);
      return reason === null ? send(edit(name)) : noHandoff(reason);
    },
  };
}

/** No KV goes from worker to worker; asked for a handoff all the same, it gives the reason. */
export function noLegs(cannotHandOver: NonNullable<Connector["cannotHandOver"]>): Legs {
  return {
    shape: "none",
    legs: "sequential",
    cannotHandOver,
    prefillLeg: () => noEdit,
    decodeLeg: () => noHandoff(cannotHandOver.why),
  };
}

export function kvParams(params: Readonly<Record<string, Json>> | RawJson): LegEdit {
  return { set: { kv_transfer_params: params }, drop: [], headers: {} };
}

export function send(edit: LegEdit): DecodeLeg {
  return { is: "send", edit };
}

export function noHandoff(reason: string): DecodeLeg {
  return { is: "no-handoff", reason };
}

/** An engine that is told to fetch KV from itself answers 500 (seen with NIXL). */
function whyNotAPair({ prefill, decode }: LegContext): string | null {
  const same = prefill.name === decode.name ||
    (prefill.host === decode.host && prefill.httpPort === decode.httpPort);
  return same ? `${prefill.name} and ${decode.name} are the same worker` : null;
}

/** Params that name decode itself make it refuse to register a local engine as remote: the load fails after the handshake. */
function whyForeign({ decode }: LegContext, params: Readonly<Record<string, Json>>): string | null {
  const own = decode.engineId !== null && isRankOf(decode.engineId, params.remote_engine_id);
  return own ? `the params name ${decode.name} itself` : null;
}

/** vLLM calls the engines of one data parallel worker `<id>_dp0`, `<id>_dp1`, …, and plain `<id>` when there is one. */
function isRankOf(engineId: string, candidate: Json | undefined): boolean {
  return typeof candidate === "string" &&
    (candidate === engineId ||
      (candidate.startsWith(`${engineId}_dp`) && /^\d+$/.test(candidate.slice(engineId.length + 3))));
}

function silentPrefill({ prefill }: LegContext, reply: PrefillReply | null): string {
  return reply === null
    ? `${prefill.name} has not answered yet`
    : `${prefill.name} answered without kv_transfer_params`;
}
