// Router-only: a plan of workers that somebody else started. Nothing is spawned, so nothing about GPUs or engines is asked.

import type { Connector, ExtraConfig } from "../kv/connector.ts";
import { externalWorker } from "./external_worker.ts";
import type { Machine } from "./machine.ts";
import { checkTurnReuse } from "./plan_turn_reuse.ts";
import { planIdOf } from "./plan_id.ts";
import { planScheduler } from "./plan_scheduler.ts";
import { routerPort } from "./plan_ports.ts";
import { routerOf, routerProcesses } from "./router_processes.ts";
import type { Plan, Planned, WorkerPlan } from "./plan.ts";
import { hasErrors, type Problem } from "./problem.ts";
import { originText, type Settings, type Spec } from "./spec.ts";
import type { Surroundings } from "./surroundings.ts";

/** Kept by vLLM for workers of a version nobody has asked yet. */
const unknownVersion = "unknown";

const urlsOf = { prefill: "prefillUrls", decode: "decodeUrls", regular: "regularUrls" } as const;
type ExternalRole = keyof typeof urlsOf;

/** Whether the wish names workers that somebody else started. */
export function runsAlready(settings: Settings): boolean {
  return Object.values(urlsOf).some((key) => settings[key].value !== null);
}

export function planExternal(spec: Spec, machine: Machine, around: Surroundings): Planned {
  const { connector, reason } = connectorFor(spec, around);
  const { port, problems: portProblems } = routerPort(spec, machine);
  const router = routerProcesses(spec, machine, connector);
  const problems: Problem[] = [...portProblems, ...router.problems, ...mixedUrls(spec.settings)];
  const regular = spec.settings.regularUrls.value !== null;
  if (!regular) problems.push(...handoffProblems(connector, spec));
  problems.push(...checkTurnReuse(spec, connector, false));
  const roles: readonly ExternalRole[] = regular ? ["regular"] : ["prefill", "decode"];
  const workers = roles.flatMap((role) => workersOf(role, spec, connector, problems));
  const { scheduler, problems: schedulerProblems } = planScheduler(spec, workers, port, machine);
  problems.push(...schedulerProblems);
  if (hasErrors(problems)) return { is: "impossible", problems };
  const model = spec.model.value ?? "";
  const plan: Omit<Plan, "planId"> = {
    model,
    servedModelName: spec.settings.servedModelName.value ?? model,
    device: spec.settings.device.value === "cpu" ? "cpu" : "cuda",
    engine: { name: spec.settings.engine.value, version: unknownVersion, command: [] },
    connector: { name: connector.name, reason },
    router: routerOf(spec, port, router.processes),
    split: null,
    launch: {
      ...{ loadFailurePolicy: "fail", extraConfig: {}, sharedDir: around.sharedDir },
      ...{ cpuCores: machine.cpuCores, memoryBytes: machine.memoryBytes, workersOnMachine: 0, env: {} },
    },
    workers,
    ...(scheduler === null ? {} : { scheduler }),
    problems,
  };
  return { is: "planned", plan: { planId: planIdOf(plan), ...plan }, connector };
}

/** What running workers were wired with cannot be asked of them over HTTP. */
function connectorFor(spec: Spec, around: Surroundings): { readonly connector: Connector; readonly reason: string } {
  const asked = spec.settings.kvConnector;
  const name = asked.value === "auto" ? "NixlConnector" : asked.value;
  const reason = asked.value === "auto"
    ? "the usual one: running workers do not tell theirs; --kv-connector NAME for another"
    : `asked for by ${originText(asked.origin)}`;
  const extraConfig = (spec.settings.kvExtraConfig.value ?? {}) as ExtraConfig;
  return { connector: around.findConnector(name, extraConfig).connector, reason };
}

function handoffProblems({ name, cannotHandOver }: Connector, spec: Spec): Problem[] {
  if (cannotHandOver === undefined) return [];
  const where = originText(spec.settings.kvConnector.origin);
  const what = `${name} hands no KV from prefill to decode`;
  return [{ what, ...cannotHandOver, where, severity: "error", exitCode: 2 }];
}

function mixedUrls(settings: Settings): Problem[] {
  if (settings.regularUrls.value === null) return [];
  if (settings.prefillUrls.value === null && settings.decodeUrls.value === null) return [];
  return [{
    what: "Give --regular, or --prefill and --decode",
    why: "a request is either split or not",
    fix: "leave out --regular",
    where: originText(settings.regularUrls.origin),
    severity: "error",
    exitCode: 2,
  }];
}

function workersOf(role: ExternalRole, spec: Spec, connector: Connector, problems: Problem[]): WorkerPlan[] {
  const setting = spec.settings[urlsOf[role]];
  const say = (what: string, why: string, fix: string, where: string) => {
    problems.push({ what, why, fix, where, severity: "error", exitCode: 2 });
  };
  const urls = setting.value ?? [];
  if (urls.length === 0) {
    const other = role === "prefill" ? "decode" : "prefill";
    say(
      `Name a ${role} worker`,
      `--${other} is given without --${role}`,
      `--${role} http://HOST:PORT`,
      `flag --${role}`,
    );
  }
  const usual = Object.fromEntries(
    connector.ports({ role, tp: 1, dp: 1, pp: 1 }).map((need) => [need.purpose, need.preferred]),
  );
  return urls.flatMap((url, index) => {
    const worker = externalWorker(url, role, index, usual);
    if (worker !== null) return [worker];
    const form = "http://HOST:PORT, https://… or unix:/path, with facts such as #bootstrap=8998&tp=2 behind it";
    say(
      `--${role} cannot be "${url}"`,
      `a worker is ${form}`,
      `--${role} http://127.0.0.1:8100`,
      originText(setting.origin),
    );
    return [];
  });
}
