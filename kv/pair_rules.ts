// Rules that join prefill and decode of one topology. Each returns all its problems; a connector lists those it needs.

import type { Connector, ConnectorProblem, Device, Topology } from "./connector.ts";

export type Rule = (topology: Topology, connectorName: string) => readonly ConnectorProblem[];
type Worker = Topology["workers"][number];

/** All problems of all rules, for `Connector.problems`. */
export function rules(connectorName: string, ...each: readonly Rule[]): Connector["problems"] {
  return (topology) => each.flatMap((rule) => rule(topology, connectorName));
}

/** The simulator computes nothing, so no device is wrong for it. */
export function runsOn(devices: readonly Device[], why: string): Rule {
  return ({ engine, device }, name) =>
    engine.startsWith("sim") || devices.includes(device)
      ? []
      : [error(`${name} does not run on ${device}`, why, "--kv-connector auto")];
}

export const tpDivides: Rule = (topology, name) =>
  distinctPairs(topology, (worker) => worker.tp)
    .filter(([prefillTp, decodeTp]) => Math.max(prefillTp, decodeTp) % Math.min(prefillTp, decodeTp) !== 0)
    .map(([prefillTp, decodeTp]) =>
      error(
        `${name} cannot pair prefill TP ${prefillTp} with decode TP ${decodeTp}`,
        "each rank moves whole shards, so the larger TP must be a multiple of the smaller",
        `--prefill-tp ${decodeTp} --decode-tp ${decodeTp}`,
      )
    );

export const tpEqual: Rule = (topology, name) =>
  distinctPairs(topology, (worker) => worker.tp)
    .filter(([prefillTp, decodeTp]) => prefillTp !== decodeTp)
    .map(([prefillTp, decodeTp]) =>
      error(
        `${name} cannot pair prefill TP ${prefillTp} with decode TP ${decodeTp}`,
        "rank n of prefill sends to rank n of decode, so both need the same TP",
        `--prefill-tp ${decodeTp} --decode-tp ${decodeTp}`,
      )
    );

/** `roles` are the sides on which the size must be 1. */
export function sizeIsOne(
  size: "tp" | "dp" | "pp",
  roles: readonly ("prefill" | "decode")[],
  why: string,
): Rule {
  const flag = { tp: "--tensor-parallel-size", dp: "--data-parallel-size", pp: "--pipeline-parallel-size" }[size];
  return ({ workers }, name) => {
    const wrong = workers.find((worker) => roles.some((role) => role === worker.role) && worker[size] > 1);
    if (wrong === undefined) return [];
    return [error(`${name} cannot run ${wrong.name} with ${flag} ${wrong[size]}`, why, `${flag} 1`)];
  };
}

/** On CPU KV goes through host memory, where decode's blocks cannot be larger than prefill's. */
export const blockSizesFit: Rule = (topology, name) =>
  topology.device === "cpu"
    ? blockSizesEqual("on CPU both must be the same")(topology, name)
    : unlikeBlockSizes(topology, name, (prefill, decode) =>
      decode % prefill === 0, "decode's must be a multiple of prefill's");

export function blockSizesEqual(why: string): Rule {
  return (topology, name) => unlikeBlockSizes(topology, name, (prefill, decode) => decode === prefill, why);
}

/** Told only where both sizes were given: an engine's own default depends on its attention backend. */
function unlikeBlockSizes(
  topology: Topology,
  name: string,
  fits: (prefill: number, decode: number) => boolean,
  why: string,
): readonly ConnectorProblem[] {
  return distinctPairs(topology, (worker) => Number(worker.flags["--block-size"] ?? 0))
    .filter(([prefill, decode]) => prefill > 0 && decode > 0 && !fits(prefill, decode))
    .map(([prefill, decode]) =>
      error(
        `${name} cannot pair prefill --block-size ${prefill} with decode --block-size ${decode}`,
        why,
        `--block-size ${prefill} for both roles`,
      )
    );
}

/** One problem for each flag that is not the same on all prefill and decode workers; `auto` is as good as not given. */
export function flagsAgree(flags: readonly string[], why: string): Rule {
  return ({ workers }, name) =>
    flags.flatMap((flag) => {
      const valueOf = (worker: Worker) => worker.flags[flag] === "auto" ? undefined : worker.flags[flag];
      const taking = workers.filter((worker) => worker.role === "prefill" || worker.role === "decode");
      const first = taking[0];
      const other = taking.find((worker) => first !== undefined && valueOf(worker) !== valueOf(first));
      if (first === undefined || other === undefined) return [];
      return [error(
        `${name} needs the same ${flag} on prefill and decode: ${said(first)} and ${said(other)}`,
        why,
        `${flag} ${valueOf(first) ?? valueOf(other) ?? ""}`.trimEnd() + " for both roles",
      )];

      function said(worker: Worker): string {
        const value = valueOf(worker);
        return value === undefined ? `not given on ${worker.name}` : `"${value}" on ${worker.name}`;
      }
    });
}

export function warning(what: string, why: string, fix: string): ConnectorProblem {
  return { what, why, fix, severity: "warning" };
}

export function error(what: string, why: string, fix: string): ConnectorProblem {
  return { what, why, fix, severity: "error" };
}

/** Every different (prefill, decode) combination of one number, so that ten equal pairs are told once. */
function distinctPairs({ workers }: Topology, numberOf: (worker: Worker) => number): (readonly [number, number])[] {
  const numbers = (role: Worker["role"]) => [...new Set(workers.filter((w) => w.role === role).map(numberOf))];
  return numbers("prefill").flatMap((prefill) => numbers("decode").map((decode) => [prefill, decode] as const));
}
