// From a command line to a plan, or to everything that is wrong with it: what plan, up and demo share.

import { access } from "node:fs/promises";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { chooseConnector } from "../kv/choose_connector.ts";
import { connectorsOf, findConnector } from "../kv/index.ts";
import { looksLikePath } from "../plan/check_model.ts";
import type { Machine } from "../plan/machine.ts";
import { hasErrors, makePlan } from "../plan/make_plan.ts";
import type { Planned } from "../plan/plan.ts";
import { runsAlready } from "../plan/plan_external.ts";
import type { Problem } from "../plan/problem.ts";
import type { ProbeQuestion } from "../plan/probe/probe_machine.ts";
import { type ReadMachine, readMachine } from "../plan/read_machine.ts";
import { splitShellWords } from "../plan/shell_words.ts";
import type { Spec } from "../plan/spec.ts";
import type { Surroundings } from "../plan/surroundings.ts";
import type { Engine } from "../supervisor/engines/engine.ts";
import { openHostWarning } from "./open_host.ts";
import type { ReadText } from "./read_text.ts";
import { readWish, type Wish, type WishSources } from "./read_wish.ts";

export interface PlanSources extends WishSources {
  readonly probe: (question: ProbeQuestion) => Promise<Machine>;
  readonly ownCommand: readonly string[];
  /** Of this machine's networks, loopback left out. */
  readonly addresses: () => readonly string[];
  /** Where a run's connectors share files, and what makes its engine ids new. */
  readonly run: Pick<Surroundings, "sharedDir" | "nonce">;
}

export interface WishedPlan {
  readonly wish: Wish;
  /** With all warnings, those of the command line included. */
  readonly planned: Planned;
  /** What was planned for; null when `--machine` could not be read. */
  readonly machine: Machine | null;
}

export async function planFromArgv(sources: PlanSources): Promise<WishedPlan> {
  const wish = await readWish(sources);
  const { spec, engine } = wish;
  const workDir = resolve(sources.cwd, spec.settings.workDir.value ?? "");
  const [read, modelExists] = await Promise.all([machineFor(spec, engine, sources), modelExistsAt(spec, workDir)]);
  if (read.is === "problem") {
    return { wish, planned: { is: "impossible", problems: [...wish.problems, read.problem] }, machine: null };
  }
  const { machine } = read;
  const planned = makePlan(spec, machine, engine, {
    ...{ chooseConnector, findConnector, ownCommand: sources.ownCommand, modelExists, cwd: workDir },
    ...sources.run,
  });
  if (hasErrors(wish.problems)) {
    return { wish, planned: { is: "impossible", problems: [...wish.problems, ...saidWrong(planned)] }, machine };
  }
  const warnings = [...wish.problems, ...openHostWarning(spec, sources.addresses())];
  return { wish, planned: withWarnings(planned, warnings), machine };
}

/**
 * What is wrong besides with a line that could not be read whole. Only what points at words of that line: a value that was not
 * understood stands at its default here, and what the machine lacks for that is nobody's mistake.
 */
function saidWrong(planned: Planned): readonly Problem[] {
  if (planned.is !== "impossible") return [];
  return planned.problems.filter(({ severity, where }) =>
    severity === "error" && !/^(machine|flag MODEL)$/.test(where)
  );
}

function withWarnings(planned: Planned, warnings: readonly Problem[]): Planned {
  if (planned.is === "impossible") return { ...planned, problems: [...warnings, ...planned.problems] };
  return { ...planned, plan: { ...planned.plan, problems: [...warnings, ...planned.plan.problems] } };
}

async function machineFor(spec: Spec, engine: Engine, { cwd, readText, probe }: PlanSources): Promise<ReadMachine> {
  const { value, origin } = spec.settings.machine;
  if (value === null) return { is: "machine", machine: await probe(questionFor(spec, engine)) };
  return await readMachine({ value, origin }, (path) => textOrNull(resolve(cwd, path), readText));
}

async function textOrNull(path: string, readText: ReadText): Promise<string | null> {
  const file = await readText(path);
  return file.is === "text" ? file.text : null;
}

/** Asks only for what the plan will use: reading an engine's version can take seconds. */
export function questionFor(spec: Spec, engine: Engine): ProbeQuestion {
  const { settings } = spec;
  const routerOnly = runsAlready(settings);
  const command = splitShellWords(settings.engineCommand.value ?? "") ?? [];
  const modules = [...new Set(connectorsOf(engine.name).flatMap(({ imports }) => imports))];
  const simulated = engine.impliedVersion !== undefined;
  return {
    engine: routerOnly || simulated ? null : { engine, command, modules },
    ports: [settings.port.value],
    gpus: !routerOnly && !simulated && settings.device.value !== "cpu",
  };
}

/** Null for a hub id, which is not looked at. */
async function modelExistsAt({ model }: Spec, cwd: string): Promise<boolean | null> {
  if (model.value === null || !looksLikePath(model.value)) return null;
  const path = resolve(cwd, model.value.replace(/^~(?=\/)/, homedir()));
  return await access(path).then(() => true, () => false);
}
