// Which healthy workers may serve: those whose engine ids are known and whose KV provably moves, to and from those that serve already.

import type { Connector } from "../kv/connector.ts";
import type { Clock } from "./clock.ts";
import type { Diagnosis } from "./engines/engine.ts";
import type { PairProof } from "./events.ts";
import type { Fetch } from "./probe.ts";
import { discover, type Prove, proveFleet } from "./prove_fleet.ts";
import type { WorkerSnapshot } from "./snapshot.ts";

export interface AdmitIo {
  readonly connector: Connector;
  /** Null for `--no-canary`. */
  readonly prove: Prove | null;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly workers: () => readonly WorkerSnapshot[];
  /** Engine ids that a worker told; the proofs need them. */
  readonly onFound: (worker: string, engineIdByRank: Readonly<Record<string, string>>) => void;
  readonly onProof: (proof: PairProof) => void;
}

export type Admitted =
  | { readonly is: "admitted"; readonly proofs: readonly PairProof[] | null }
  | {
    readonly is: "refused";
    readonly refused: readonly Refusal[];
  };

export interface Refusal {
  readonly worker: string;
  readonly diagnosis: Diagnosis;
  /** The other worker of the pair that was tried; null when it was not about a pair. */
  readonly peer: string | null;
}

export async function admit(newcomers: readonly string[], io: AdmitIo): Promise<Admitted> {
  const missing = await discoverAll(newcomers, io);
  if (missing.length > 0) return { is: "refused", refused: missing };
  const proofs = io.prove === null ? null : await proveWith(newcomers, io.prove, io);
  const refutation = proofs?.find((proof) => proof.is === "refuted");
  if (refutation === undefined) return { is: "admitted", proofs };
  const { prefill, decode, diagnosis } = refutation;
  const [worker, peer] = newcomers.includes(decode) ? [decode, prefill] : [prefill, decode];
  return { is: "refused", refused: [{ worker, peer, diagnosis }] };
}

async function discoverAll(names: readonly string[], { connector, fetch, clock, workers, onFound }: AdmitIo) {
  const asked = workers().filter(({ facts }) => names.includes(facts.name));
  const answers = await Promise.all(asked.map((worker) => discover(worker, connector, { fetch, clock })));
  return answers.flatMap((answer, index) => {
    const worker = asked[index]?.facts.name ?? "";
    if (answer.is === "missing") return [{ worker, peer: null, diagnosis: answer.diagnosis }];
    onFound(worker, answer.engineIdByRank);
    return [];
  });
}

/** A newcomer is tried with the other newcomers, and with those of the other role that serve. */
function proveWith(newcomers: readonly string[], prove: Prove, { workers, onProof }: AdmitIo) {
  const all = workers();
  const roles = new Set(all.filter(({ facts }) => newcomers.includes(facts.name)).map(({ facts }) => facts.role));
  const taking = all.filter(({ facts, state }) =>
    newcomers.includes(facts.name) || (state.is === "ready" && !roles.has(facts.role))
  );
  return proveFleet(taking.map(({ facts }) => facts), prove, onProof);
}
