// Plays the legs of a recording against a pair of simulated engines, with the simulator's own handoff objects in place of
// the recorded ones: what the recording changed in them on purpose stays changed.

import { isDeepStrictEqual } from "node:util";
import { type Sim, until } from "../start_sim.ts";
import { type RawAnswer, rawRequest } from "./raw_http.ts";
import type { Exchange, Legs } from "./transcript.ts";

export interface Pair {
  readonly P: Sim;
  readonly D: Sim;
}

export interface Played {
  readonly golden: Exchange;
  /** Null when the engine did not answer and does nothing any more. */
  readonly answer: RawAnswer | null;
}

type Params = Record<string, unknown>;

/** Ports of the recording → ports of this pair; any other port is one where nobody listens. */
const RECORDED_P_SIDE_PORT = 5610;

export async function replayLegs(legs: Legs, pair: Pair, between: () => Promise<void> = async () => {}) {
  const played: Played[] = [];
  const [first, ...rest] = legs.exchanges;
  if (!first) throw new Error("an empty recording");
  const decodeFirst = rest[0]?.title.includes("dfirst") ?? false;
  if (decodeFirst) {
    const decode = send(pair, rest[0]!, null, null);
    await until(async () => await loading(pair.D) === 1);
    played.push({ golden: first, answer: await send(pair, first, null, null) });
    played.push({ golden: rest[0]!, answer: await decode });
  } else {
    const answer = await send(pair, first, null, null);
    played.push({ golden: first, answer });
    await between();
    const recorded = paramsOf(first.answerBody);
    const own = paramsOf(answer?.body ?? "");
    for (const golden of rest.filter(({ title }) => title.startsWith("decode"))) {
      played.push({ golden, answer: await send(pair, golden, recorded, own) });
    }
  }
  for (const golden of rest.filter(({ title }) => title.startsWith("reference"))) {
    played.push({ golden, answer: await send(pair, golden, null, null) });
  }
  return played;
}

async function send(pair: Pair, golden: Exchange, recorded: Params | null, own: Params | null) {
  const toDecode = golden.title.startsWith("decode") || golden.title.includes("on D");
  const sim = toDecode ? pair.D : pair.P;
  const body = golden.body && withOwnParams(golden.body, pair, recorded, own);
  const giveUp = new AbortController();
  const answer = rawRequest(sim.port, golden.method, golden.path, golden.headers, body, giveUp.signal);
  if (golden.status !== 0) return await answer;
  await until(async () => await loading(sim) > 0);
  const later = await Promise.race([answer, quiet(sim)]);
  if (later === "quiet") giveUp.abort();
  return later === "quiet" ? null : later;
}

/** The engine holds the request and has nothing to do for a while. */
async function quiet(sim: Sim): Promise<"quiet"> {
  for (let calm = 0; calm < 10; calm++) {
    await Bun.sleep(10);
    if (await loading(sim) === 0) calm = 0;
  }
  return "quiet";
}

async function loading(sim: Sim): Promise<number> {
  const state = await sim.json("/sim/state") as { engines: { loading: number }[] };
  return state.engines[0]?.loading ?? 0;
}

function withOwnParams(body: string, pair: Pair, recorded: Params | null, own: Params | null): string {
  const value = JSON.parse(body) as { kv_transfer_params?: Params | null };
  const asked = value.kv_transfer_params;
  if (!asked) return body;
  const changed = Object.entries(asked).map(([name, item]) => {
    const same = recorded !== null && own !== null && name in own && isDeepStrictEqual(item, recorded[name]);
    if (same) return [name, own[name]];
    return [name, name === "remote_port" && item === RECORDED_P_SIDE_PORT ? pair.P.sidePort : item];
  });
  return JSON.stringify({ ...value, kv_transfer_params: Object.fromEntries(changed) });
}

function paramsOf(body: string): Params | null {
  if (!body.startsWith("{")) return null;
  return (JSON.parse(body) as { kv_transfer_params?: Params | null }).kv_transfer_params ?? null;
}
