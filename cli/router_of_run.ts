// The router as this run's settings want it.

import { randomBytes } from "node:crypto";
import { createWriteStream, type WriteStream } from "node:fs";
import { leaseMsOf } from "../kv/lease.ts";
import { loadTracing } from "../router/load_tracing.ts";
import { makeRandomIds } from "../router/random_ids.ts";
import { makeRouter, type Router, type RouterOptions } from "../router/make_router.ts";
import { type MakePolicy, policies, type PolicyName } from "../router/policies/index.ts";
import type { Policy, PolicyShare } from "../router/policies/policy.ts";
import type { RouterLog, RouterSettings } from "../router/router_io.ts";
import { upstreamClients } from "../router/upstream/index.ts";
import type { Settings } from "../plan/spec.ts";
import type { Weights } from "../router/weights.ts";
import type { FleetView } from "../supervisor/snapshot.ts";
import { readRouterFiles } from "./router_files.ts";
import type { CliContext } from "./context.ts";
import type { PlannedRun } from "./planned_run.ts";
import type { Sharing } from "./procs/sharing.ts";

/** What of a run the router is made of. */
export interface RoutedRun {
  readonly wish: Pick<PlannedRun["wish"], "spec" | "engine">;
  readonly plan: PlannedRun["plan"];
  readonly connector: PlannedRun["connector"];
  readonly runDir: Pick<PlannedRun["runDir"], "logPath">;
}

export interface RouterParts {
  /** With routers in other processes; null where this is the only one. */
  readonly sharing?: Sharing | null;
  /** Of the router before a reload. */
  readonly weights?: Weights;
}

export function routerOfRun(
  { wish, plan, connector, runDir }: RoutedRun,
  fleet: FleetView,
  context: CliContext,
  { sharing = null, weights }: RouterParts = {},
): Router {
  const of = wish.spec.settings;
  const files = readRouterFiles(wish.spec);
  // Only after a reload: nobody gets in then, rather than everybody.
  const apiKeys = files.is === "read" ? files.apiKeys : [randomBytes(32).toString("hex")];
  const { log, close: closeLog } = logTo(runDir.logPath("pdserve"), of.logLevel.value);
  const endpoint = of.otlpEndpoint.value;
  const tracing = endpoint === null ? {} : { tracing: loadTracing({ endpoint, pdserveVersion: context.version, log }) };
  return makeRouter({
    fleet,
    connector,
    leaseMs: leaseMsOf(connector, plan.launch.extraConfig),
    engineMetrics: wish.engine.metrics,
    upstream: upstreamClients[of.upstream.value]({ connectTimeoutMs: of.connectTimeoutMs.value }),
    policies: {
      prefill: policyNamed(of.prefillPolicy.value, sharing?.policies.prefill),
      decode: policyNamed(of.decodePolicy.value, sharing?.policies.decode),
    },
    settings: settingsOf(wish, plan, apiKeys, context),
    clock: { now: sharing?.now ?? (() => performance.now()), wall: () => Date.now() },
    random: makeRandomIds(),
    log,
    closeLog,
    ...tracing,
    ...sharing?.options,
    ...(weights === undefined ? {} : { weights }),
    ...(of.accessLog.value === null ? { writeAccessLog: null } : accessLogTo(of.accessLog.value, context)),
  });
}

type Limits = Omit<
  RouterSettings,
  "servedModelName" | "engine" | "pdserveVersion" | "apiKeys" | "adminKeys" | "corsOrigins" | "fallback"
>;

function limitsOf(of: Settings): Limits {
  return {
    maxInFlight: of.maxInFlight.value,
    maxQueue: of.maxQueue.value,
    allowTargetWorker: of.allowTargetWorker.value,
    maxWorkerInFlight: of.maxWorkerInFlight.value,
    maxHandoffs: of.maxHandoffs.value,
    maxBodyBytes: of.maxBodyBytes.value,
    maxAttempts: of.maxAttempts.value,
    retryShare: of.retryBudget.value / 100,
    quarantine: { failures: of.quarantineFailures.value, pauseMs: of.quarantinePauseMs.value },
    probe: {
      intervalMs: of.probeIntervalMs.value,
      timeoutMs: of.probeTimeoutMs.value,
      firstWaitMs: of.probeFirstWaitMs.value,
    },
    stallTimeoutMs: of.stallTimeoutMs.value,
    bodyTimeoutMs: of.bodyTimeoutMs.value,
    queueTimeoutMs: of.queueTimeoutMs.value,
    handoffTimeoutMs: of.handoffTimeoutMs.value,
    prefillTimeoutMs: of.prefillTimeoutMs.value,
    firstTokenTimeoutMs: of.firstTokenTimeoutMs.value,
    idleTimeoutMs: of.idleTimeoutMs.value,
    requestTimeoutMs: of.requestTimeoutMs.value,
    turnReuseMs: of.turnReuseMs.value,
  };
}

function policyNamed(name: PolicyName, share?: PolicyShare): Policy {
  const make: MakePolicy = policies[name];
  return make(Math.random, share);
}

function settingsOf(
  { spec: { settings: of }, engine }: RoutedRun["wish"],
  plan: RoutedRun["plan"],
  apiKeys: readonly string[],
  context: CliContext,
): RouterSettings {
  return {
    servedModelName: plan.servedModelName,
    healthWaits: of.health.value === "ready",
    takesWeights: plan.updatesWeights ?? true,
    weightVersionPath: weightVersionPath(engine, plan),
    engine: { name: plan.engine.name, version: plan.engine.version },
    pdserveVersion: context.version,
    apiKeys,
    adminKeys: of.adminKey.value === null ? [] : [of.adminKey.value],
    corsOrigins: of.corsOrigins.value ?? [],
    fallback: of.fallback.value,
    ...limitsOf(of),
  };
}

/** SGLang always tells; vLLM in the development mode that a trainer needs. */
function weightVersionPath(
  { name }: PlannedRun["wish"]["engine"],
  { updatesWeights }: PlannedRun["plan"],
): string | null {
  if (/sglang/.test(name)) return "/model_info";
  return updatesWeights === true ? "/weight_info" : null;
}

const severities = ["debug", "info", "warn", "error"] as const;

/** JSON lines beside the workers' logs; rare events only, requests are in the access log. */
function logTo(path: string, least: (typeof severities)[number]): { readonly log: RouterLog; close(): Promise<void> } {
  const file = createWriteStream(path, { flags: "a", mode: 0o600 });
  file.on("error", () => {});
  return {
    log(level, message, fields) {
      if (severities.indexOf(level) < severities.indexOf(least)) return;
      file.write(JSON.stringify({ at: new Date().toISOString(), level, message, ...fields }) + "\n");
    },
    close: () => endOf(file),
  };
}

function accessLogTo(path: string, { stderr }: CliContext): Pick<RouterOptions, "writeAccessLog" | "closeAccessLog"> {
  if (path === "-") return { writeAccessLog: stderr.write };
  // Opened to append, so that several processes' lines stay whole: each write is some of them.
  const file = createWriteStream(path, { flags: "a", mode: 0o600 });
  file.on("error", (error) => stderr.write(`pdserve: cannot write the access log: ${error.message}\n`));
  return {
    writeAccessLog: (lines) => void file.write(lines),
    closeAccessLog: () => endOf(file),
  };
}

function endOf(file: WriteStream): Promise<void> {
  return new Promise((resolve) => void file.end(() => resolve()));
}
