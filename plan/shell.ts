// The plan as a shell script: each worker in the background, then a router over them. For sh, pasted or run.

import type { Connector } from "../kv/connector.ts";
import type { Plan, WorkerPlan } from "./plan.ts";
import { routerFlags } from "./router_flags.ts";
import { isSecretName } from "./secrets.ts";
import { quoteShellWord } from "./shell_words.ts";
import type { Spec } from "./spec.ts";

/** `ownCommand` is how pdserve itself is called. Secrets are taken from the reader's environment, never printed. */
export function shellScript(plan: Plan, spec: Spec, connector: Connector, ownCommand: readonly string[]): string {
  const started = plan.workers.filter((worker) => worker.external === null);
  const folders = started.some(({ argv, env }) =>
    [...argv, ...Object.values(env)].join("\n").includes(plan.launch.sharedDir)
  );
  const blocks = [
    [`# pdserve plan ${plan.planId}: ${plan.connector.reason}`, ...(started.length > 0 ? stopTogether : [])],
    started[0] === undefined ? [] : [`cd ${quoteShellWord(started[0].cwd)}`],
    folders ? [`mkdir -p ${quoteShellWord(plan.launch.sharedDir)}`] : [],
    ...started.map((worker) => [comment(worker), ...inBackground(worker.env, worker.argv)]),
    [
      "# the router waits for its workers by itself",
      ...inBackground(routerEnv(spec), routerArgv(plan, spec, connector, ownCommand)),
    ],
    ["wait"],
  ];
  return blocks.filter((block) => block.length > 0).map((block) => block.join("\n")).join("\n\n") + "\n";
}

/** In a script one stop is for all. Pasted into a terminal, traps would stay behind in the user's own shell. */
const stopTogether = [
  "pids=",
  "case $- in",
  "  *i*) echo 'to stop all: kill $pids' ;;",
  "  *) trap 'kill $pids 2>/dev/null' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM ;;",
  "esac",
];

function comment({ name, gpus, port }: WorkerPlan): string {
  return `# ${name}: ${gpus.length === 1 ? "GPU" : "GPUs"} ${gpus.join(",")}, port ${port}`;
}

function inBackground(env: Readonly<Record<string, string>>, argv: readonly string[]): string[] {
  const assignments = Object.entries(env).map(([name, value]) =>
    isSecretName(name) ? `${name}="\${${name}:?}"` : `${name}=${quoteShellWord(value)}`
  );
  const lines = [...(assignments.length > 0 ? [assignments.join(" ")] : []), argv.map(quoteShellWord).join(" ")];
  return [`${lines.join(" \\\n  ")} &`, 'pids="$pids $!"'];
}

function routerEnv(spec: Spec): Readonly<Record<string, string>> {
  return spec.settings.apiKey.value === null ? {} : { PDSERVE_API_KEY: spec.settings.apiKey.value };
}

function routerArgv(plan: Plan, spec: Spec, connector: Connector, ownCommand: readonly string[]): string[] {
  const { host, port } = plan.router;
  return [
    ...ownCommand,
    ...plan.workers.flatMap((worker) => [`--${worker.role}`, urlOf(worker, connector)]),
    ...["--kv-connector", plan.connector.name, "--host", host, "--port", String(port)],
    ...(plan.servedModelName === "" ? [] : ["--served-model-name", plan.servedModelName]),
    ...routerFlags(spec),
  ];
}

/** With what the connector's legs must know of the worker; the router of a whole run has it from the plan. */
function urlOf(worker: WorkerPlan, connector: Connector): string {
  const facts = new URLSearchParams();
  if (["params-prebuilt", "request-id", "announced"].includes(connector.shape)) {
    for (const need of connector.ports(worker)) {
      facts.set(need.purpose, String(worker.ports[need.purpose]?.[0] ?? need.preferred));
    }
  }
  if (worker.engineId !== null) facts.set("engine_id", worker.engineId);
  for (const size of ["tp", "dp", "pp"] as const) if (worker[size] > 1) facts.set(size, String(worker[size]));
  const base = worker.external ?? `http://${worker.host}:${worker.port}`;
  return facts.size > 0 ? `${base}#${facts}` : base;
}
