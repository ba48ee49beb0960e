// What a new plan means for workers that run by an old one.

import type { Connector } from "../kv/connector.ts";
import type { Engine } from "../supervisor/engines/engine.ts";
import type { Plan, WorkerPlan } from "./plan.ts";
import { isSecretName, maskArgv } from "./secrets.ts";
import { withCommand } from "./worker_command.ts";

export interface WorkerChange {
  /** By the new plan, with the ports it has now. */
  readonly worker: WorkerPlan;
  /** For people: `max-num-seqs 64 → 128`; secrets masked. */
  readonly differences: readonly string[];
}

export interface PlanComparison {
  readonly changed: readonly WorkerChange[];
  readonly added: readonly WorkerPlan[];
  readonly removed: readonly string[];
}

export function comparePlans(now: Plan, next: Plan, engine: Engine, connector: Connector): PlanComparison {
  const names = (plan: Plan) => plan.workers.map(({ name }) => name);
  const changed = next.workers.flatMap((worker) => {
    const old = now.workers.find(({ name }) => name === worker.name);
    if (old === undefined || old.external !== null || worker.external !== null) return [];
    // Two plans of the same wish differ in what is made anew for each: ports that were free then, and engine ids.
    const slot = { ...worker, ports: portsFor(worker, old), host: old.host, engineId: old.engineId ?? worker.engineId };
    const settled = withCommand(next, { ...slot, port: slot.ports.http?.[0] ?? worker.port }, engine, connector);
    const differences = differencesOf(old, settled);
    return differences.length === 0 ? [] : [{ worker: settled, differences }];
  });
  return {
    changed,
    added: next.workers.filter(({ name }) => !names(now).includes(name)),
    removed: names(now).filter((name) => !names(next).includes(name)),
  };
}

function portsFor(worker: WorkerPlan, old: WorkerPlan): WorkerPlan["ports"] {
  const shape = ({ ports }: WorkerPlan) => Object.entries(ports).map(([purpose, { length }]) => `${purpose} ${length}`);
  return shape(worker).join() === shape(old).join() ? old.ports : worker.ports;
}

function differencesOf(old: WorkerPlan, next: WorkerPlan): string[] {
  const flags = compare(flagsOf(old.argv), flagsOf(next.argv));
  const env = compare(old.env, next.env).map((text) => `env ${text}`);
  const gpus = old.gpus.join() === next.gpus.join() ? [] : [`gpus ${old.gpus.join()} → ${next.gpus.join()}`];
  const cwd = old.cwd === next.cwd ? [] : [`folder ${old.cwd} → ${next.cwd}`];
  return [...flags, ...env, ...gpus, ...cwd];
}

/** `--flag value value` as one entry; words before the first flag are the command. */
function flagsOf(argv: readonly string[]): Readonly<Record<string, string>> {
  const flags: Record<string, string[]> = {};
  let name = "command";
  for (const word of maskArgv(argv)) {
    if (word.startsWith("--")) name = word.slice(2);
    (flags[name] ??= []).push(...(word.startsWith("--") ? [] : [word]));
  }
  return Object.fromEntries(Object.entries(flags).map(([flag, values]) => [flag, values.join(" ")]));
}

function compare(old: Readonly<Record<string, string>>, next: Readonly<Record<string, string>>): string[] {
  const names = [...new Set([...Object.keys(old), ...Object.keys(next)])];
  return names.filter((name) => old[name] !== next[name]).map((name) => {
    if (isSecretName(name)) return `${name} changed`;
    if (old[name] === undefined) return `${name} ${next[name]} (new)`.replace("  ", " ");
    return next[name] === undefined ? `${name} (gone)` : `${name} ${old[name]} → ${next[name]}`;
  });
}
