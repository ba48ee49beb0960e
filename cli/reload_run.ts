// Reads flags, environment and settings file again, and makes the running fleet what they say now: only what changed restarts, one
// worker at a time, and the old plan stays when the new one cannot be had.

import type { Reloaded } from "../control/app.ts";
import { comparePlans } from "../plan/compare_plans.ts";
import { describeSpec, type SpecRow } from "../plan/describe_spec.ts";
import type { Machine } from "../plan/machine.ts";
import type { Plan, WorkerPlan } from "../plan/plan.ts";
import type { EventStream } from "../supervisor/event_stream.ts";
import type { Fleet } from "../supervisor/fleet.ts";
import { planFromArgv, type PlanSources } from "./plan_from_argv.ts";
import type { PlannedRun } from "./planned_run.ts";

export interface ReloadInput {
  readonly run: () => PlannedRun;
  readonly fleet: Fleet;
  readonly sources: PlanSources;
  readonly events: EventStream;
  /** The new plan holds now. */
  readonly onDone: (run: PlannedRun, changesRouter: boolean) => void;
}

/** The returned function answers a second reload at the same time with a refusal. */
export function makeReload(input: ReloadInput): () => Promise<Reloaded> {
  let isUnderWay = false;
  return async () => {
    if (isUnderWay) return refused("Cannot reload now", "another reload is under way", "try again when it is done");
    isUnderWay = true;
    try {
      return tell(await reloadOnce(input), input.events);
    } finally {
      isUnderWay = false;
    }
  };
}

function tell(reloaded: Reloaded, events: EventStream): Reloaded {
  const { ordered, changes } = reloaded;
  if (ordered.is === "done") events.emit({ type: "reloaded", changes });
  else {
    const { what, why, fix } = ordered.is === "failed" ? ordered.diagnosis : ordered;
    const head = ordered.is === "failed" ? "Reload failed, the old plan holds: " : "";
    const problem = { what: head + what, why, fix, where: "reload", severity: "warning" } as const;
    events.emit({ type: "warning", problem });
  }
  return reloaded;
}

async function reloadOnce({ run, fleet, sources, onDone }: ReloadInput): Promise<Reloaded> {
  const now = run();
  const { wish, planned } = await planFromArgv({ ...sources, probe: asIfIdle(sources.probe, now.plan, fleet) });
  if (planned.is === "impossible") {
    const error = planned.problems.find(({ severity }) => severity === "error");
    return refused(error?.what ?? "Cannot make the new plan", error?.why ?? "", error?.fix ?? "pdserve plan shows why");
  }
  const { plan, connector } = planned;
  const { changed, added, removed } = comparePlans(now.plan, plan, wish.engine, connector);
  const fixed = differsForGood(now, plan, added);
  if (fixed !== null) return refused("Cannot reload this change", fixed, "stop pdserve and start it again");
  const settings = changedSettings(describeSpec(now.wish.spec), describeSpec(wish.spec));
  const changes = [
    ...changed.map(({ worker, differences }) => `restart ${worker.name} (${differences.join("; ")})`),
    ...added.map(({ name, gpus }) => `start ${name}${gpus.length === 0 ? "" : ` (gpu ${gpus.join(",")})`}`),
    ...removed.map((name) => `stop ${name}`),
    ...settings.map(({ text, takesEffect }) => `${takesEffect ? "router" : "at the next start"}: ${text}`),
  ];
  const rollouts = (workers: readonly WorkerPlan[]) => workers.map((worker) => ({ worker, basis: plan }));
  const settled = changed.map(({ worker }) => worker);
  const ordered = await fleet.orders.reload({ changed: rollouts(settled), added: rollouts(added), removed });
  if (ordered.is === "done") {
    const known = [...settled, ...now.plan.workers];
    const workers = plan.workers.map((worker) => known.find(({ name }) => name === worker.name) ?? worker);
    onDone(
      { ...now, wish, plan: { ...plan, router: now.plan.router, workers } },
      settings.some((one) => one.takesEffect),
    );
  }
  return { ordered, changes: changes.length === 0 ? ["nothing changed"] : changes };
}

/** The ports and the memory that this run holds are there for its own new plan. */
function asIfIdle(probe: PlanSources["probe"], plan: Plan, fleet: Fleet): PlanSources["probe"] {
  return async (question) => {
    const machine: Machine = await probe(question);
    const facts = fleet.view.snapshot().workers.flatMap((
      worker,
    ) => [worker.facts.httpPort, ...Object.values(worker.facts.ports)]);
    const planned = plan.workers.flatMap(({ ports }) => Object.values(ports).flat());
    const ours = new Set([plan.router.port, ...facts, ...planned]);
    const gpus = new Set(plan.workers.flatMap((worker) => worker.gpus));
    return {
      ...machine,
      busyPorts: machine.busyPorts.filter(({ port }) => !ours.has(port)),
      gpus: machine.gpus.map((gpu) => gpus.has(gpu.id) ? { ...gpu, freeBytes: gpu.totalBytes, holders: [] } : gpu),
    };
  };
}

/** What a running fleet cannot become, in words; null when there is nothing of that. */
function differsForGood({ plan: now }: PlannedRun, next: Plan, added: readonly WorkerPlan[]): string | null {
  const foreign = added.find(({ external }) => external !== null);
  // The key of this run, which its own workers ask for, is not theirs.
  if (foreign !== undefined) return `${foreign.name} is run by somebody else; POST /workers takes such workers in`;
  if (now.model !== next.model) return `the model would be ${next.model} instead of ${now.model}`;
  if (now.engine.name !== next.engine.name || now.engine.version !== next.engine.version) {
    return "the engine would be another";
  }
  if (now.connector.name !== next.connector.name) {
    return `KV would go over ${next.connector.name}: two cannot talk to each other`;
  }
  if (now.router.host !== next.router.host) return `the API would listen on ${next.router.host}`;
  return null;
}

interface ChangedSetting {
  readonly text: string;
  readonly takesEffect: boolean;
}

/** Engine arguments and the topology show in the workers' command lines. */
function changedSettings(now: readonly SpecRow[], next: readonly SpecRow[]): ChangedSetting[] {
  const ofRun = next.filter(({ group }) => group === "Router" || group === "Limits" || group === "Run");
  return ofRun.flatMap((row) => {
    const before = now.find(({ flag }) => flag === row.flag)?.value ?? null;
    if (before === row.value) return [];
    const takesEffect = row.group !== "Run" && row.flag !== "--port" && row.flag !== "--strict-port";
    return [{ text: `${row.flag} ${before ?? "none"} → ${row.value ?? "none"}`, takesEffect }];
  });
}

function refused(what: string, why: string, fix: string): Reloaded {
  return { ordered: { is: "refused", what, why, fix }, changes: [] };
}
