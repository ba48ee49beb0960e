// The faults: what goes wrong, in which phase, and how a request must end then.

import type { Connector } from "../../../kv/connector.ts";
import { until } from "../open_fleet.ts";
import { goodDecode, goodPrefill, limits, type Stage, type WorkerCall } from "./fault_stage.ts";

export interface Kind {
  readonly connector: Connector;
  readonly stream: boolean;
  /** Whether there is another pair. */
  readonly spare: boolean;
}

export interface Fault {
  readonly name: string;
  readonly arrange: (stage: Stage, kind: Kind) => unknown;
  /** What happens while the request runs, e.g. time passes. */
  readonly during?: (stage: Stage) => Promise<void>;
  /** The client's outcome, in the words of `Outcome`. */
  readonly outcome: (kind: Kind) => string;
}

const message = { error: { message: "engine says no", type: "X", param: null, code: 1 } };
const silent = () => {};
const cut = ({ connection }: WorkerCall) => connection.reset();
const says = (status: number) => (call: WorkerCall) => call.answer(status, message);

/** With another pair the request is served; without one the client gets the last attempt's failure. */
const retried = (status: string) => ({ spare }: Kind) => spare ? "200 2nd" : status;
const final = (status: string) => () => status;

const failsBefore = (
  what: string,
  leg: "prefill" | "decode",
  behaviour: (call: WorkerCall) => unknown,
  status: string,
) => ({
  name: `${leg} ${what}`,
  arrange: (stage: Stage) => stage.behave(`${leg}-0`, behaviour),
  outcome: retried(status),
});

export const workerFaults: readonly Fault[] = [
  { name: "prefill refuses", arrange: (stage) => stage.kill("prefill-0"), outcome: retried("503") },
  { ...failsBefore("answers 4xx", "prefill", says(400), ""), outcome: final("400") },
  failsBefore("answers 5xx", "prefill", says(500), "500"),
  failsBefore("dies before its reply", "prefill", cut, "502"),
  {
    name: "prefill dies after its reply",
    arrange: (stage) => {
      let isFirst = true;
      stage.onAnswer = async (worker, part) => {
        if (worker !== "prefill-0" || part !== "end" || !isFirst) return;
        isFirst = false;
        await stage.kill("prefill-0");
        newGeneration(stage, "prefill-0");
      };
    },
    // Where the KV is decode's or in a store by then, nothing is lost.
    outcome: ({ connector, spare }) => (keepsKv(connector) ? "200" : spare ? "200 2nd" : "503"),
  },
  {
    name: "prefill hangs",
    arrange: (stage) => stage.behave("prefill-0", silent),
    during: passLimits("prefill", limits.prefillTimeoutMs),
    outcome: retried("504"),
  },
  { name: "decode refuses", arrange: (stage) => stage.kill("decode-0"), outcome: retried("503") },
  { ...failsBefore("answers 4xx", "decode", says(400), ""), outcome: final("400") },
  failsBefore("answers 5xx", "decode", says(500), "500"),
  failsBefore("dies before its first byte", "decode", cut, "502"),
  {
    name: "decode dies mid-stream",
    arrange: (stage) => stage.behave("decode-0", diesAfter(1)),
    outcome: (kind) => kind.stream ? "200 + error" : retried("502")(kind),
  },
  {
    name: "decode dies before its last chunk",
    arrange: (stage) => stage.behave("decode-0", diesAfter(3)),
    outcome: (kind) => kind.stream ? "200 + error" : retried("502")(kind),
  },
  {
    name: "decode hangs",
    arrange: (stage) => stage.behave("decode-0", silent),
    during: passLimits("decode", limits.firstTokenTimeoutMs),
    outcome: final("504"),
  },
  {
    name: "decode stalls mid-stream",
    arrange: (stage, { stream }) => stage.behave("decode-0", (call) => beginAnswer(call, stream)),
    during: async (stage) => {
      await until(() =>
        stage.callsTo("decode").length > 0 && (stage.hasAnswered || !stage.callsTo("decode")[0]!.json.stream)
      );
      await passLimits("decode", limits.firstTokenTimeoutMs)(stage);
    },
    outcome: ({ stream }) => stream ? "200 + error" : "504",
  },
  {
    name: "prefill restarts: a new generation",
    arrange: (stage) =>
      stage.behave("prefill-0", (call) => {
        if (stage.callsTo("prefill-0").length === 1) newGeneration(stage, "prefill-0");
        goodPrefill(call, stage);
      }),
    outcome: final("200 2nd"),
  },
  {
    name: "the lease expires",
    arrange: (stage) => {
      // The reply begins, and its end takes longer than prefill keeps the KV.
      let isFirst = true;
      stage.onAnswer = (worker, part) => {
        if (worker !== "prefill-0" || part !== "head" || !isFirst) return;
        isFirst = false;
        stage.fleet.clock.nowMs += 31_000;
      };
    },
    outcome: ({ connector }) => connector.shape === "params-echo" ? "200 2nd" : "200",
  },
];

/** The client leaves; `reached` tells when the request is in the phase. */
export interface Leaving {
  readonly name: string;
  readonly settings?: { readonly maxInFlight?: number; readonly maxHandoffs?: number };
  /** Another request that holds the place this one waits for. */
  readonly behindAnother?: boolean;
  readonly arrange: (stage: Stage) => void;
  readonly reached: (stage: Stage) => boolean;
  readonly onlyStream?: boolean;
  readonly atPrefillEnd?: boolean;
}

export const leavings: readonly Leaving[] = [
  {
    name: "client leaves the queue",
    settings: { maxInFlight: 1 },
    behindAnother: true,
    arrange: (stage) => stage.behave("prefill-0", silent),
    reached: ({ fleet }) => fleet.metric("pdserve_queued") === 1,
  },
  {
    name: "client leaves while it waits for room for a handoff",
    settings: { maxHandoffs: 1 },
    behindAnother: true,
    arrange: (stage) => stage.behave("prefill-0", silent),
    reached: ({ fleet }) => fleet.metric("pdserve_in_flight") === 2,
  },
  {
    name: "client leaves during prefill",
    arrange: (stage) => stage.behave("prefill-0", silent),
    reached: (stage) => stage.callsTo("prefill-0").length === 1,
  },
  {
    name: "client leaves between the legs",
    atPrefillEnd: true,
    arrange: (stage) =>
      stage.behave("decode-0", (call) => call.json.max_tokens === 1 ? goodDecode(call, stage) : undefined),
    reached: () => false,
  },
  {
    name: "client leaves before the first token",
    arrange: (stage) => stage.behave("decode-0", silent),
    reached: (stage) => stage.callsTo("decode-0").length === 1,
  },
  {
    name: "client leaves mid-stream",
    onlyStream: true,
    arrange: (stage) => stage.behave("decode-0", (call) => beginAnswer(call, true)),
    reached: (stage) => stage.hasAnswered,
  },
];

function keepsKv({ shape }: Connector): boolean {
  return shape === "plain-two-step" || shape === "request-id";
}

function beginAnswer(call: WorkerCall, stream: boolean): void {
  if (!stream) return call.connection.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{");
  call.beginStream();
  call.token("1 ");
}

/** A stream that breaks off after so many tokens; an answer without events that breaks off inside. */
function diesAfter(tokens: number) {
  return async (call: WorkerCall) => {
    beginAnswer(call, call.json.stream === true);
    for (let token = 2; token <= tokens && call.json.stream; token++) call.token(`${token} `);
    // A graceful close: a reset would take what is on its way with it.
    call.connection.end();
    await call.connection.closed;
  };
}

/** Lets the phase's limit pass each time an attempt is in it, until nothing is in flight. */
function passLimits(role: string, limitMs: number) {
  return async (stage: Stage) => {
    // Time that passes before prefill's reply is there would count for prefill.
    const begun = () => stage.callsTo(`${role}-0`).length;
    const calls = () => role === "decode" ? Math.min(begun(), stage.replies) : begun();
    for (let seen = 0;; seen = calls()) {
      await until(() => calls() > seen || (calls() > 0 && stage.fleet.router.inFlight() === 0));
      if (stage.fleet.router.inFlight() === 0) return;
      stage.fleet.clock.nowMs += limitMs + 1;
    }
  };
}

/** What the supervisor shows of a worker that is another process now. */
function newGeneration(stage: Stage, name: string): void {
  stage.fleet.change((snapshot) => ({
    ...snapshot,
    workers: snapshot.workers.map((worker) =>
      worker.facts.name === name ? { ...worker, generation: worker.generation + 1 } : worker
    ),
  }));
}
