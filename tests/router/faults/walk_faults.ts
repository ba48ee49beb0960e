// Each fault with each shape of connector, streamed and not, with and without another pair: how the request ended, and
// what it left behind.

import type { Connector } from "../../../kv/connector.ts";
import { example } from "../../../kv/example.ts";
import { nixl } from "../../../kv/nixl.ts";
import { nixlPush } from "../../../kv/nixl_push.ts";
import { p2pNccl } from "../../../kv/p2p_nccl.ts";
import { sglangNixl } from "../../../kv/sglang.ts";
import { completion, until } from "../open_fleet.ts";
import { type Fault, type Kind, type Leaving, leavings, workerFaults } from "./fault_rows.ts";
import { openStage, type Stage } from "./fault_stage.ts";

/** One of each handoff shape. */
export const shapes: readonly Connector[] = [nixl, nixlPush, example, p2pNccl, sglangNixl];

export interface Outcome {
  readonly fault: string;
  readonly kind: Kind;
  readonly expected: string;
  /** `200`, `200 2nd` (by the second attempt), another status, `200 + error`, `200, cut`, `left`. */
  readonly seen: string;
  /** What was not given back, or came twice; empty when all is well. */
  readonly leftBehind: readonly string[];
}

const streamed = [false, true];
const onePair = ["prefill-0", "decode-0"];
const twoPairs = [...onePair, "prefill-1", "decode-1"];
/** Stages open at once: most of a stage's time is the wait for a tick of the limits. */
const AT_ONCE = 24;

export async function walkFaults(connectors: readonly Connector[] = shapes): Promise<readonly Outcome[]> {
  const runs = connectors.flatMap((connector) =>
    streamed.flatMap((stream) => [
      ...workerFaults.flatMap((fault) =>
        [false, true].map((spare) => () => runFault(fault, { connector, stream, spare }))
      ),
      ...leavings.filter(({ onlyStream }) => stream || !onlyStream)
        .map((leaving) => () => runLeaving(leaving, { connector, stream, spare: false })),
    ])
  );
  const outcomes: Outcome[] = [];
  let next = 0;
  const work = async () => {
    for (let run = runs[next++]; run !== undefined; run = runs[next++]) outcomes.push(await run());
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return outcomes.toSorted((a, b) => order.indexOf(a.fault) - order.indexOf(b.fault));
}

const order = [...workerFaults, ...leavings].map(({ name }) => name);

async function runFault(fault: Fault, kind: Kind): Promise<Outcome> {
  const stage = await openStage(kind.connector, kind.spare ? twoPairs : onePair);
  await fault.arrange(stage, kind);
  const answering = ask(stage, kind);
  await fault.during?.(stage);
  const { seen, text } = await answering;
  const leftBehind = await whatIsLeft(stage, text);
  return { fault: fault.name, kind, expected: fault.outcome(kind), seen, leftBehind };
}

async function runLeaving(leaving: Leaving, kind: Kind): Promise<Outcome> {
  const stage = await openStage(kind.connector, onePair, leaving.settings);
  leaving.arrange(stage);
  const before = new AbortController();
  const another = leaving.behindAnother ? ask(stage, kind, before.signal) : null;
  if (another !== null) await until(() => stage.callsTo("prefill").length === 1);
  const seen = leaving.atPrefillEnd ? await leaveAtPrefillEnd(stage, kind) : await leave(stage, kind, leaving.reached);
  before.abort();
  await another;
  const leftBehind = await whatIsLeft(stage, "");
  return { fault: leaving.name, kind, expected: "left", seen, leftBehind };
}

async function leave(stage: Stage, kind: Kind, reached: Leaving["reached"]): Promise<string> {
  const client = new AbortController();
  const answering = ask(stage, kind, client.signal);
  await until(() => reached(stage));
  client.abort();
  return (await answering).seen;
}

/** Between the legs is a moment in which only this process can act: the client is in it. */
async function leaveAtPrefillEnd(stage: Stage, kind: Kind): Promise<string> {
  const client = new AbortController();
  stage.onAnswer = (worker, part) => {
    if (worker === "prefill-0" && part === "end") client.abort();
  };
  const response = await stage.fleet.post("/v1/completions", completion({ stream: kind.stream }), {
    signal: client.signal,
  });
  return response.status === 499 ? "left" : String(response.status);
}

async function ask(stage: Stage, kind: Kind, signal?: AbortSignal): Promise<{ seen: string; text: string }> {
  try {
    const response = await fetch(`${stage.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", "connection": "close" },
      body: JSON.stringify(completion({ stream: kind.stream })),
      signal,
    });
    stage.hasAnswered = true;
    const text = await response.text();
    if (response.status === 200) return { seen: endingOf(text, kind.stream) + secondTry(stage), text };
    // An error of ours or a worker's: never an empty body.
    const told = typeof JSON.parse(text).error.message === "string";
    return { seen: told ? String(response.status) : `${response.status} without a word`, text };
  } catch (error) {
    return { seen: signal?.aborted ? "left" : `cut: ${(error as Error).message}`, text: "" };
  }
}

function endingOf(text: string, stream: boolean): string {
  if (!stream) return text === "" ? "200, empty" : "200";
  if (!text.endsWith("data: [DONE]\n\n")) return "200, cut";
  return text.includes('"src":"pdserve"') ? "200 + error" : "200";
}

function secondTry({ fleet }: Stage): string {
  return fleet.router.metricsText().includes("pdserve_retries_total{") ? " 2nd" : "";
}

async function whatIsLeft(stage: Stage, text: string): Promise<readonly string[]> {
  const { router } = stage.fleet;
  const gauges = ["pdserve_in_flight", "pdserve_queued", ...["opened", "spent"].map(handles), ...held(stage), busy];
  const left = await notZero(stage, gauges);
  if (router.inFlight() > 0) left.push("a request is in flight");
  const tokens = [...text.matchAll(/[123] /g)].map(([token]) => token).join("");
  if (!"1 2 3 ".startsWith(tokens)) left.push(`tokens came as ${tokens}`);
  const used = stage.callsTo("decode").map(({ json, id }) => json.kv_transfer_params?.remote_request_id ?? id);
  if (new Set(used).size < used.length) left.push("a KV handle was used twice");
  router.close();
  await settled(() => stage.openConnections() === 0);
  if (stage.openConnections() > 0) left.push(`${stage.openConnections()} sockets to workers are open`);
  await stage.close();
  return left;
}

const busy = 'pdserve_upstream_sockets{state="busy"}';

/** Those that do not come to zero, with what they are. All are read from one look: a socket may also be a probe's. */
async function notZero({ fleet }: Stage, gauges: readonly string[]): Promise<string[]> {
  let left: string[] = [];
  await settled(() => {
    const values = new Map(
      fleet.router.metricsText().split("\n").map((line) => {
        const at = line.lastIndexOf(" ");
        return [line.slice(0, at), Number(line.slice(at + 1))] as const;
      }),
    );
    left = gauges.filter((gauge) => values.get(gauge) !== 0).map((gauge) => `${gauge} is ${values.get(gauge)}`);
    return left.length === 0;
  });
  return left;
}

function handles(state: string): string {
  return `pdserve_kv_handles{state="${state}"}`;
}

function held({ fleet }: Stage): readonly string[] {
  return ["prefill", "decode"].flatMap((role) => {
    const labels = `{worker="${role}-0",role="${role}"}`;
    return [`pdserve_worker_in_flight${labels}`, `pdserve_worker_handoffs${labels}`];
  }).filter((gauge) => fleet.metric(gauge) !== null);
}

/**
 * Waits for it, but not for ever: what does not come is what is looked for. Far longer than the 5 s that a probe of the
 * router's own may take, since such a probe may begin in the moment of the first look.
 */
async function settled(condition: () => boolean): Promise<void> {
  const untilMs = performance.now() + 60_000;
  await until(() => condition() || performance.now() > untilMs);
}
