// The router of the user's own that runs in front of the workers, or why it cannot.

import type { Role } from "../kv/connector.ts";
import type { Machine } from "./machine.ts";
import type { SchedulerPlan } from "./plan.ts";
import type { Problem } from "./problem.ts";
import { schedulerWords } from "./scheduler_command.ts";
import { type Origin, originText, type Spec } from "./spec.ts";
import type { WorkerSlot } from "./worker_command.ts";

export interface PlannedScheduler {
  readonly scheduler: SchedulerPlan | null;
  readonly problems: readonly Problem[];
}

export function planScheduler(
  spec: Spec,
  workers: readonly WorkerSlot[],
  routerPort: number,
  machine: Machine,
): PlannedScheduler {
  const { schedulerCommand: command, schedulerPort: { value: port, origin } } = spec.settings;
  if (command.value === null) return { scheduler: null, problems: [] };
  const refuse = (what: string, why: string, fix: string, where: string): PlannedScheduler => ({
    ...{ scheduler: null, problems: [{ what, why, fix, where, severity: "error", exitCode: 2 }] },
  });
  const of = (role: Role) => workers.filter((worker) => worker.role === role);
  const read = schedulerWords(command.value, { port, prefill: of("prefill"), decode: of("decode") });
  if (read.is === "bad") return refuse(read.what, read.why, read.fix, originText(command.origin));
  const owners = workers.find(({ ports }) => Object.values(ports).some((numbers) => numbers.includes(port)));
  const owner = port === routerPort ? "pdserve's own router" : owners?.name;
  const at = originText(origin);
  if (owner !== undefined) {
    return refuse(`The scheduler cannot have port ${port}`, `${owner} has it`, `--scheduler-port ${port + 1}`, at);
  }
  const holder = machine.busyPorts.find((busy) => busy.port === port);
  if (holder !== undefined) {
    const who = holder.pid === null ? "another process" : `${holder.name ?? "a process"} (pid ${holder.pid})`;
    return refuse(`The scheduler cannot have port ${port}`, `${who} listens there`, `--scheduler-port ${port + 1}`, at);
  }
  const cwd = workers[0]?.cwd ?? ".";
  return {
    scheduler: { argv: read.words, port, cwd },
    problems: [ownAffair(read.words, command.origin)],
  };
}

function ownAffair(words: readonly string[], origin: Origin): Problem {
  return {
    what: `Run "${words.slice(0, 2).join(" ")}" as the router: the workers ask for no key`,
    why: "it has none to send, and quarantine, retries and handles of KV are its own affair",
    fix: origin.is === "file" ? "--scheduler builtin lets pdserve's own router serve" : "leave out --scheduler-command",
    where: originText(origin),
    severity: "warning",
  };
}
