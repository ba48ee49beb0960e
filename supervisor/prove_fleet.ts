// Proves that KV moves: each pair that matters sends one request whose handoff the engines' own counters confirm.

import type { Connector, Role, WorkerFacts } from "../kv/connector.ts";
import type { Json } from "../kv/json.ts";
import { type Clock, sleep } from "./clock.ts";
import type { Diagnosis } from "./engines/engine.ts";
import type { PairProof } from "./events.ts";
import { type Fetch, getJson } from "./probe.ts";
import { type Pair, provingRounds } from "./proving_rounds.ts";
import type { WorkerSnapshot } from "./snapshot.ts";

const DISCOVERY_LIMIT_MS = 60_000;
const DISCOVERY_PAUSE_MS = 200;

/** Sends a canary through the router's own path. Never rejects for what an engine does: that is a refutation. */
export type Prove = (pair: { readonly prefill: string; readonly decode: string }) => Promise<PairProof>;

/** All proofs, in the order they were made; ends at the first round with a refuted pair. */
export async function proveFleet(
  workers: readonly Pick<WorkerFacts, "name" | "role">[],
  prove: Prove,
  onProof: (proof: PairProof) => void,
): Promise<readonly PairProof[]> {
  const withRole = (role: Role) => workers.filter((worker) => worker.role === role).map(({ name }) => name);
  const proofs: PairProof[] = [];
  for (const round of provingRounds(withRole("prefill"), withRole("decode"))) {
    const found = await Promise.all(round.map((pair) => provePair(pair, prove)));
    found.forEach(onProof);
    proofs.push(...found);
    if (found.some((proof) => proof.is === "refuted")) break;
  }
  return proofs;
}

/** A fault of our own must not look like a proof, nor leave the fleet waiting. */
async function provePair([prefill, decode]: Pair<string>, prove: Prove): Promise<PairProof> {
  try {
    return await prove({ prefill, decode });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { is: "refuted", prefill, decode, diagnosis: canaryFailed(prefill, decode, why) };
  }
}

export type Discovered =
  | { readonly is: "found"; readonly engineIdByRank: Readonly<Record<string, string>> }
  | { readonly is: "missing"; readonly diagnosis: Diagnosis };

/** Reads from a running prefill worker what its decode legs must name (Mooncake: the engine ids behind its bootstrap port). */
export async function discover(
  worker: WorkerSnapshot,
  connector: Connector,
  io: { readonly fetch: Fetch; readonly clock: Clock },
): Promise<Discovered> {
  const { discovery } = connector;
  const { name, host, ports, role } = worker.facts;
  if (discovery === null || role !== "prefill") return { is: "found", engineIdByRank: {} };
  const url = `http://${host}:${ports[discovery.purpose] ?? 0}`;
  const endMs = io.clock.nowMs() + DISCOVERY_LIMIT_MS;
  while (io.clock.nowMs() < endMs) {
    const answer = await getJson<Json>(url, discovery.path, io.fetch, null);
    const engineIdByRank = answer === null ? null : discovery.read(answer, worker.facts);
    if (engineIdByRank !== null) return { is: "found", engineIdByRank };
    await sleep(io.clock, DISCOVERY_PAUSE_MS);
  }
  return { is: "missing", diagnosis: notRegistered(name, url + discovery.path, connector.name) };
}

function canaryFailed(prefill: string, decode: string, why: string): Diagnosis {
  return {
    rule: null,
    what: `Cannot ask ${prefill} and ${decode} for a proof of their KV handoff`,
    why,
    fix: "--no-canary starts without a proof",
    line: null,
  };
}

function notRegistered(name: string, url: string, connector: string): Diagnosis {
  return {
    rule: null,
    what: `${name} did not register all its ranks with ${connector}`,
    why: `GET ${url} names no engine id after ${DISCOVERY_LIMIT_MS / 1000} s`,
    fix: `read the log of ${name} for "bootstrap"`,
    line: null,
  };
}
