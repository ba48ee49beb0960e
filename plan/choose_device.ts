// Where will the engines compute, and is there an engine to do it?

import type { Device } from "../kv/connector.ts";
import type { Engine } from "../supervisor/engines/engine.ts";
import type { InstalledEngine, Machine } from "./machine.ts";
import type { Problem } from "./problem.ts";
import { originText, type Spec } from "./spec.ts";

export interface EngineChoice {
  readonly installed: InstalledEngine;
  /** There is none: `installed` is a guess, and what follows from it is not worth telling. */
  readonly isMissing: boolean;
  readonly problems: readonly Problem[];
}

export function chooseEngine(
  spec: Spec,
  machine: Machine,
  engine: Engine,
  userArgs: readonly string[],
): EngineChoice {
  // Assumed where the plan is for another box whose probe does not tell.
  const assumedVersion = engine.newestKnown;
  const assumed = { name: engine.name, version: assumedVersion, imports: {}, device: null };
  if (engine.impliedVersion) {
    return { installed: { ...assumed, version: engine.impliedVersion(userArgs) }, isMissing: false, problems: [] };
  }
  if (machine.engine !== null) return { installed: machine.engine, isMissing: false, problems: [] };
  const command = spec.settings.engineCommand.value ?? engine.name;
  const missing: Problem = {
    what: `Cannot find ${engine.name}: "${command}" does not run here`,
    why: "its version could not be read, so nothing can be planned for it",
    fix: `pip install ${engine.name}, or --engine-command "uv run ${engine.name}", or --engine sim to try without`,
    where: spec.settings.engineCommand.value === null ? "machine" : originText(spec.settings.engineCommand.origin),
    severity: "error",
    exitCode: 69,
  };
  const guessed: Problem = {
    what: `Plan for ${engine.name} ${assumedVersion}, because ${machine.source} does not say which is installed`,
    why: "connectors and flags depend on the version",
    fix: "--machine FILE with a probe saved on that box",
    where: originText(spec.settings.machine.origin),
    severity: "warning",
  };
  const isMissing = machine.gpuSource !== "given";
  return { installed: assumed, isMissing, problems: [isMissing ? missing : guessed] };
}

export interface DeviceChoice {
  readonly device: Device;
  /** The workers hold no GPUs: their ids are names. */
  readonly namesOnly: boolean;
  readonly problems: readonly Problem[];
}

export function chooseDevice(
  spec: Spec,
  machine: Machine,
  engine: Engine,
  { installed, isMissing }: EngineChoice,
): DeviceChoice {
  const asked = spec.settings.device;
  // The simulator computes on nothing; it plays the device with the most connectors.
  const simulated = engine.impliedVersion !== undefined;
  // Without an engine it cannot be known that GPUs are wanted where there are none.
  const onCpu = installed.device === "cpu" || (isMissing && machine.gpus.length === 0);
  const found = simulated || !onCpu ? "cuda" : "cpu";
  const device = asked.value === "cpu" || asked.value === "cuda" ? asked.value : found;
  const wrongBuild = !simulated && installed.device !== null && installed.device !== device;
  return {
    device,
    namesOnly: simulated || device === "cpu",
    problems: wrongBuild ? [buildMismatch(spec, installed, device)] : [],
  };
}

function buildMismatch(spec: Spec, installed: InstalledEngine, device: Device): Problem {
  return {
    what: `Cannot run ${installed.name} ${installed.version} on --device ${device}`,
    why: `this build computes on ${installed.device}`,
    fix: `--device ${installed.device}, or --engine-command with a build for ${device}`,
    where: originText(spec.settings.device.origin),
    severity: "error",
    exitCode: 2,
  };
}
