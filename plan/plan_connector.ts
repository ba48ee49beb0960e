// Which connector moves the KV of this plan, and what speaks against it.

import type { Connector, ConnectorProblem, Device, ExtraConfig, Topology } from "../kv/connector.ts";
import type { Engine } from "../supervisor/engines/engine.ts";
import { disagreeingFlags } from "./check_engine_args.ts";
import { flagValues } from "./engine_flags.ts";
import type { InstalledEngine } from "./machine.ts";
import type { Problem } from "./problem.ts";
import { originText, type Sourced, type Spec } from "./spec.ts";
import type { Surroundings } from "./surroundings.ts";
import type { WorkerSlot } from "./worker_command.ts";

export type ChosenConnector =
  | { readonly connector: Connector; readonly reason: string; readonly problems: readonly Problem[] }
  | { readonly connector: null; readonly problems: readonly Problem[] };

export function planConnector(
  spec: Spec,
  engine: Engine,
  installed: InstalledEngine,
  device: Device,
  workers: readonly WorkerSlot[],
  around: Surroundings,
): ChosenConnector {
  const asked = spec.settings.kvConnector;
  const { version, imports } = installed;
  // Encoders hand embeddings over, not KV.
  const regularOnly = workers.length > 0 && workers.every(({ role }) => role === "regular" || role === "encode");
  const where = originText(asked.origin);
  const facts = { engine: engine.name, engineVersion: version, device };
  const extraConfig = (spec.settings.kvExtraConfig.value ?? {}) as ExtraConfig;
  const topology = {
    ...facts,
    workers: workers.map((worker) => ({ ...worker, flags: flagValues(worker.userArgs, engine.commonFlags) })),
  };
  if (regularOnly) return withoutHandoff(asked, extraConfig, topology, around);
  const choice = around.chooseConnector({ ...facts, asked: asked.value, extraConfig, imports });
  if (!("connector" in choice)) {
    const lacks = around.findConnector(asked.value, extraConfig).connector.imports
      .some((module) => imports[module] === null);
    return { connector: null, problems: choice.map((told) => problemFrom(told, where, lacks ? 69 : 2)) };
  }
  const told = [...choice.warnings, ...choice.connector.problems(topology)];
  // Flags that must agree for any connector are told by the plan, which --allow-mismatch turns into warnings.
  const toldAlready = disagreeingFlags(spec, engine);
  const isNew = ({ what }: ConnectorProblem) => !toldAlready.some((flag) => what.split(/[\s:]+/).includes(flag));
  return {
    connector: choice.connector,
    reason: choice.reason,
    problems: told.filter(isNew).map((one) => problemFrom(one, where, 2)),
  };
}

function problemFrom(told: ConnectorProblem, where: string, exitCode: 2 | 69): Problem {
  return { ...told, where, ...(told.severity === "error" ? { exitCode } : {}) };
}

/** Regular workers are wired to nobody; one of the user's choice may still serve the engine it is in, as offloading does. */
function withoutHandoff(
  asked: Sourced<string>,
  extraConfig: ExtraConfig,
  topology: Topology,
  around: Surroundings,
): ChosenConnector {
  const isAsked = asked.value !== "auto";
  const { connector } = around.findConnector(isAsked ? asked.value : "NixlConnector", extraConfig);
  const told = isAsked ? connector.problems(topology) : [];
  const reason = isAsked
    ? "asked for; regular workers hand nothing over"
    : "not used: regular workers hand nothing over";
  return { connector, reason, problems: told.map((one) => problemFrom(one, originText(asked.origin), 2)) };
}
