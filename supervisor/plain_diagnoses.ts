// Failures that need no log to be told.

import type { WorkerPlan } from "../plan/plan.ts";
import type { Diagnosis } from "./engines/engine.ts";
import type { TakenPort } from "./hold_ports.ts";
import type { Exit } from "./spawn.ts";
import type { Leftover } from "./worker_process.ts";
import { urlOf } from "./worker_url.ts";

export function portTaken({ worker, purpose, port }: TakenPort): Diagnosis {
  return {
    rule: null,
    what: `Port ${port} of ${worker.name} (${purpose}) was taken since the plan was made`,
    why: `another process listens on ${worker.host}:${port}, or another pdserve is starting with it`,
    fix: `start again for other ports; ss -ltnp "sport = :${port}" names the process`,
    line: null,
  };
}

export function noPortsLeft({ name, ports }: WorkerPlan): Diagnosis {
  return {
    rule: null,
    what: `No free ports for the next process of ${name}`,
    why: `others listen on its own (${Object.values(ports).flat().join(", ")}) and on all near them`,
    fix: "ss -ltnp names who listens; it is tried again meanwhile",
    line: null,
  };
}

export function overdue(name: string, startupTimeoutMs: number): Diagnosis {
  return {
    rule: null,
    what: `${name} made no progress for ${Math.round(startupTimeoutMs / 1000)} s while starting`,
    why: "it neither answered its probe nor ended",
    fix: `read its log; if it only needs longer: --startup-timeout ${Math.round(startupTimeoutMs / 500)}s`,
    line: null,
  };
}

export function doesNotEnd(name: string, limitMs: number): Diagnosis {
  return {
    rule: null,
    what: `${name} reported the death of its engine, but did not end`,
    why: `it was still running ${Math.round(limitMs / 1000)} s later`,
    fix: "read its log from the first error on",
    line: null,
  };
}

export function cannotStart({ name, argv }: WorkerPlan, reason: string): Diagnosis {
  return {
    rule: null,
    what: `Cannot start ${name}: "${argv[0] ?? ""}" does not run`,
    why: reason,
    fix: "--engine-command with the command that starts the engine",
    line: null,
  };
}

export function exitedUnasked({ name }: WorkerPlan, { code, signal }: Exit): Diagnosis {
  const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
  return {
    rule: null,
    what: `${name} ended ${how} although nobody asked it to`,
    why: "no rule explains its log",
    fix: "read the last lines of its log",
    line: null,
  };
}

export function doesNotAnswer(plan: WorkerPlan): Diagnosis {
  return {
    rule: null,
    what: `${plan.name} does not answer any more`,
    why: `three probes of ${urlOf(plan)} in a row failed`,
    fix: "look at the worker where it runs; it is used again once it answers and its handoff is proven",
    line: null,
  };
}

export function hangs(worker: WorkerPlan, wrong: "silent" | "hung", limitMs: number): Diagnosis {
  const seconds = Math.round(limitMs / 1000);
  const why = wrong === "silent"
    ? `it answered neither its probe nor for its metrics for ${seconds} s`
    : `it had requests for ${seconds} s and made no token, and one of ours got none either, while it answered its probe`;
  return {
    rule: null,
    what: `${worker.name} runs but hangs`,
    why,
    fix: `read its log; if its requests take that long: --hang-timeout ${Math.round(limitMs / 500)}s`,
    line: null,
  };
}

export function neverServes({ name }: WorkerPlan, line: string): Diagnosis {
  return { rule: null, what: `${name} runs but will never serve`, why: line, fix: "read its log", line: null };
}

export function doesNotGo({ name }: WorkerPlan, leftovers: readonly Leftover[]): Diagnosis {
  const who = leftovers.map(({ pid, name, holds }) => `${pid} (${name}, ${holds})`).join(", ");
  return {
    rule: null,
    what: `Process ${who} of ${name} does not go`,
    why: "it outlived SIGKILL, which only a call into the kernel or a driver can do",
    fix: `wait for it, or look at it with: cat /proc/${leftovers[0]?.pid ?? 0}/stack`,
    line: null,
  };
}
