// Ports somebody fixed: each is free and belongs to one worker, or it is told who else has it.

import type { PortWish } from "./allocate_ports.ts";
import type { Machine } from "./machine.ts";
import type { Problem } from "./problem.ts";

export interface FixedPorts {
  /** By worker name, then by purpose. */
  readonly ports: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
  readonly problems: readonly Problem[];
}

export function fixedPorts(wishes: readonly PortWish[], router: number, machine: Machine): FixedPorts {
  const ports: Record<string, Record<string, readonly number[]>> = {};
  const owners = new Map<number, string>([[router, "the router"]]);
  const problems: Problem[] = [];
  for (const wish of wishes) {
    const owner = `${wish.owner} (${wish.purpose})`;
    ports[wish.owner] = { ...ports[wish.owner], [wish.purpose]: portsOf(wish) };
    for (const port of portsOf(wish)) {
      const other = owners.get(port);
      if (other !== undefined) problems.push(shared(port, other, owner));
      else owners.set(port, owner);
      const holder = machine.busyPorts.find((busy) => busy.port === port);
      if (holder !== undefined) problems.push(taken(port, owner, holder));
    }
  }
  return { ports, problems };
}

/** Consecutive, from the preferred one. */
export function portsOf({ preferred, count }: PortWish): readonly number[] {
  return Array.from({ length: count }, (_, step) => preferred + step);
}

function shared(port: number, one: string, other: string): Problem {
  return {
    what: `Port ${port} is given to both ${one} and ${other}`,
    why: "worker i takes the role's port + i, and as many from there as it has ranks",
    fix: "ports further apart, or auto_ports = true",
    where: "fixed ports",
    severity: "error",
    exitCode: 2,
  };
}

function taken(port: number, owner: string, { pid, name }: Machine["busyPorts"][number]): Problem {
  return {
    what: `Port ${port} of ${owner} is taken`,
    why: pid === null ? "another process listens there" : `${name ?? "a process"} (pid ${pid}) listens there`,
    fix: "stop that process, or auto_ports = true",
    where: "fixed ports",
    severity: "error",
    exitCode: 2,
  };
}
