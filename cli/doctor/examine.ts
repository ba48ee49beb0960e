// Everything the doctor knows how to judge, from facts that were gathered before.

import type { Leftover } from "../../control/leftovers.ts";
import type { KnownRun } from "../../control/list_runs.ts";
import { connectorHere, type EngineHere } from "../../kv/connector_here.ts";
import { connectorsOf } from "../../kv/index.ts";
import { engineTitle } from "../../supervisor/engines/engine_title.ts";
import type { Machine } from "../../plan/machine.ts";
import type { Planned } from "../../plan/plan.ts";
import { bytesText, countText } from "../render/quantities.ts";
import { examineGpus } from "./examine_gpus.ts";
import { failing, type Finding, ok, unknown, warning } from "./finding.ts";

export interface Facts {
  readonly machine: Machine;
  /** Engine asked for: `vllm`. */
  readonly engineName: string;
  readonly isSimulated: boolean;
  readonly usesGpus: boolean;
  readonly port: number;
  readonly shm: { readonly totalBytes: number; readonly freeBytes: number } | null;
  /** Soft limits; null for none. */
  readonly openFiles: number | null;
  readonly lockedMemoryBytes: number | null;
  readonly runs: readonly KnownRun[];
  readonly leftovers: readonly Leftover[];
  /** Null when no model was named. */
  readonly planned: Planned | null;
}

const GiB = 2 ** 30;
/** NCCL and vLLM's message queues need this much for each worker of a machine. */
const SHM_LEAST_BYTES = GiB;
/** Two sockets a request, for as many requests as the router admits, and room for everything else. */
const FILES_LEAST = 16_384;

export function examine(facts: Facts): readonly Finding[] {
  return [
    ...(facts.usesGpus ? examineGpus(facts.machine) : [unknown("gpus", "not looked at: these workers need none")]),
    ...engine(facts),
    ...ports(facts),
    ...sharedMemory(facts),
    ...limits(facts),
    ...runs(facts),
    ...plan(facts),
  ];
}

function engine({ machine, engineName, isSimulated }: Facts): Finding[] {
  if (isSimulated) return [ok("engine", "the simulator is built in")];
  if (machine.engine === null) {
    const fix = `pip install ${engineName}, or --engine-command with the command that starts it`;
    return [failing("engine", `${engineName} was not found`, fix)];
  }
  const { name, version, imports, device } = machine.engine;
  const here: EngineHere = { engine: name, engineVersion: version, device: device ?? "cuda", imports };
  const work = connectorsOf(name).map((connector) => connector.name)
    .filter((connector) => connectorHere(connector, here).is === "yes");
  const missing = Object.entries(imports).filter(([, found]) => found === null).map(([module]) => module);
  return [
    ok("engine", `${engineTitle(name)} ${version}${device === null ? "" : ` for ${device}`}`),
    ...(missing.length === 0 ? [] : [
      warning(
        "engine",
        `its Python does not import ${missing.join(", ")}`,
        "pdserve connectors tells which connectors need them",
      ),
    ]),
    work.length === 0
      ? failing("connectors", "no KV connector works with it", "pdserve connectors tells why for each")
      : ok("connectors", `${work.length} work here: ${work.join(", ")}`),
  ];
}

function ports({ machine, port }: Facts): Finding[] {
  const holder = machine.busyPorts.find((busy) => busy.port === port);
  const below = machine.ephemeralFrom > 10_000;
  const who = holder?.pid == null ? "another process" : `${holder.name ?? "a process"} (pid ${holder.pid})`;
  return [
    holder === undefined
      ? ok("ports", `${port} is free`)
      : warning("ports", `${port} is taken by ${who}`, "--port with another; the next free one is used otherwise"),
    below ? ok("ports", `the kernel hands out ports from ${machine.ephemeralFrom}; workers stay below`) : warning(
      "ports",
      `the kernel hands out ports from ${machine.ephemeralFrom}, so any connection may take a worker's port`,
      "sysctl -w net.ipv4.ip_local_port_range='32768 60999'",
    ),
  ];
}

function sharedMemory({ shm }: Facts): Finding[] {
  if (shm === null) return [unknown("shared memory", "/dev/shm cannot be looked at")];
  const size = `/dev/shm has ${bytesText(shm.freeBytes)} of ${bytesText(shm.totalBytes)} free`;
  if (shm.freeBytes >= SHM_LEAST_BYTES) return [ok("shared memory", size)];
  return [
    failing(
      "shared memory",
      `${size}; workers need ${bytesText(SHM_LEAST_BYTES)}`,
      "start the container with --ipc=host, or with --shm-size 16g",
    ),
  ];
}

function limits({ openFiles, lockedMemoryBytes }: Facts): Finding[] {
  return [
    openFiles === null || openFiles >= FILES_LEAST
      ? ok("limits", `${openFiles ?? "any number of"} open files`)
      : warning(
        "limits",
        `only ${openFiles} open files, each request needs two`,
        `ulimit -n ${FILES_LEAST * 4}, or LimitNOFILE=${FILES_LEAST * 4} in the unit`,
      ),
    lockedMemoryBytes === null || lockedMemoryBytes >= 64 * 2 ** 20
      ? ok("limits", `${lockedMemoryBytes === null ? "any amount of" : bytesText(lockedMemoryBytes)} locked memory`)
      : warning(
        "limits",
        `only ${bytesText(lockedMemoryBytes)} of locked memory, which RDMA needs`,
        "ulimit -l unlimited, or LimitMEMLOCK=infinity in the unit",
      ),
  ];
}

function runs({ runs: known, leftovers }: Facts): Finding[] {
  const live = known.filter(({ alive }) => alive).map(({ run, runId }) => run?.name ?? runId);
  const found = live.length === 0 ? ok("runs", "no pdserve is running") : ok("runs", `running: ${live.join(", ")}`);
  const left = leftovers.map(({ run, processes }) =>
    failing(
      "runs",
      `${run.runId} left processes behind: ${processes.map(({ pid, name }) => `${pid} (${name})`).join(", ")}`,
      "--reap kills them before the next start",
    )
  );
  return [found, ...left];
}

/** The plan knows about the model, memory, pairs of workers and flags that must agree. */
function plan({ planned }: Facts): Finding[] {
  if (planned === null) return [unknown("plan", "name a MODEL to have its plan looked at too")];
  const problems = planned.is === "planned" ? planned.plan.problems : planned.problems;
  const told = problems.map(({ what, why, fix, severity }): Finding => {
    return { category: "plan", status: severity, what: `${what}: ${why}`, fix };
  });
  if (planned.is === "impossible") return told;
  const { workers, connector } = planned.plan;
  return [
    ok(
      "plan",
      `${countText(workers.length, "worker")} over ${connector.name}; prefill and decode agree on their flags`,
    ),
    ...told,
  ];
}
