// The router's port and every port of every worker, or why there is none.

import type { Connector } from "../kv/connector.ts";
import { sglangEncoderPorts } from "../kv/sglang_encoder_wiring.ts";
import type { Engine } from "../supervisor/engines/engine.ts";
import { allocatePorts, type PortWish } from "./allocate_ports.ts";
import { fixedPorts, portsOf } from "./fixed_ports.ts";
import type { Machine } from "./machine.ts";
import type { Problem } from "./problem.ts";
import { playsSglang } from "./plays_sglang.ts";
import { originText, type Spec } from "./spec.ts";
import type { WorkerSlot } from "./worker_command.ts";

/** Workers' HTTP ports start here, clear of the router's 8000. */
const workerHttpFrom = 8100;

export interface RouterPort {
  readonly port: number;
  readonly problems: readonly Problem[];
}

/** The port asked for, else the next free one; 0 stays 0, any free one. */
export function routerPort(spec: Spec, machine: Machine): RouterPort {
  const { port, strictPort } = spec.settings;
  const holder = machine.busyPorts.find((busy) => busy.port === port.value);
  if (port.value === 0 || holder === undefined) return { port: port.value, problems: [] };
  const wish = { owner: "router", purpose: "http", count: 1, preferred: port.value + 1 };
  const { ports } = allocatePorts([wish], machine.busyPorts.map((busy) => busy.port), machine.ephemeralFrom);
  const next = ports.router?.http?.[0];
  const by = holder.pid === null ? "another process" : `${holder.name ?? "a process"} (pid ${holder.pid})`;
  const taken = { why: `${by} listens there`, where: originText(port.origin) };
  if (next !== undefined && !strictPort.value) {
    const what = `Use port ${next}, because ${port.value} is taken`;
    const fix = `--port ${next}, or --strict-port to fail instead`;
    return { port: next, problems: [{ ...taken, what, fix, severity: "warning" }] };
  }
  const what = `Cannot listen on port ${port.value}`;
  const fix = next === undefined ? "stop that process" : `--port ${next}, or leave out --strict-port`;
  return { port: port.value, problems: [{ ...taken, what, fix, severity: "error", exitCode: 2 }] };
}

export interface WorkerPorts {
  /** By worker name, then by purpose, `http` included. */
  readonly ports: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
  readonly problems: readonly Problem[];
}

export interface WantedPorts {
  readonly router: number;
  /** By worker name, then purpose, a first port other than the usual one. */
  readonly wanted: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** The wanted ones are taken as they are or refused; otherwise the search starts there. */
  readonly exact: boolean;
}

export function workerPorts(
  workers: readonly Pick<WorkerSlot, "name" | "role" | "tp" | "dp" | "pp">[],
  connector: Connector,
  engine: Engine,
  machine: Machine,
  { router, wanted, exact }: WantedPorts,
): WorkerPorts {
  const wish = (owner: string, purpose: string, count: number, usual: number): PortWish => ({
    ...{ owner, purpose, count, preferred: wanted[owner]?.[purpose] ?? usual },
  });
  const asksEncoders = playsSglang(engine.name) && workers.some(({ role }) => role === "encode");
  const encoderPorts = asksEncoders ? sglangEncoderPorts : () => [];
  const http = workers.map(({ name }) => wish(name, "http", 1, workerHttpFrom));
  const side = workers.flatMap((worker) =>
    [...connector.ports(worker), ...(engine.ports?.(worker) ?? []), ...encoderPorts(worker.role)].map((
      { purpose, count, preferred },
    ) => wish(worker.name, purpose, count, preferred))
  );
  const wishes = [...http, ...side];
  const fixed = wishes.filter(({ owner, purpose }) => exact && wanted[owner]?.[purpose] !== undefined);
  const { ports: given, problems } = fixedPorts(fixed, router, machine);
  const busy = [router, ...machine.busyPorts.map(({ port }) => port), ...fixed.flatMap(portsOf)];
  const { ports, unplaced } = allocatePorts(wishes.filter((one) => !fixed.includes(one)), busy, machine.ephemeralFrom);
  const both = workers.map(({ name }) => [name, { ...given[name], ...ports[name] }] as const);
  return { ports: Object.fromEntries(both), problems: [...problems, ...unplaced.map((one) => noRoom(one, machine))] };
}

function noRoom(wish: PortWish, machine: Machine): Problem {
  return {
    what: `Cannot find ${wish.count} free ports in a row for ${wish.owner} (${wish.purpose})`,
    why: `ports below ${machine.ephemeralFrom}, where the kernel's own range starts, are in use`,
    fix: "fewer workers, or stop what holds the ports",
    where: "machine",
    severity: "error",
    exitCode: 1,
  };
}
