// Which code runs for a verb. Each is loaded when it is needed, so that --help does not wait for the router.

import type { Command, VerbInput } from "./commands/command.ts";
import type { InternalVerb, VerbName } from "./verbs.ts";

const up = async (): Promise<Command> => (await import("./commands/up.ts")).upCommand;

export const mainVerbs: Readonly<Record<VerbName, () => Promise<Command>>> = {
  up,
  // A demo is `up` with another command line: see demo_argv.ts.
  demo: up,
  // The file's dialect is all that differs.
  pdjob: up,
  plan: async () => (await import("./commands/plan.ts")).planCommand,
  convert: async () => (await import("./commands/convert.ts")).convertCommand,
  config: async () => (await import("./commands/config.ts")).configCommand,
  connectors: async () => (await import("./commands/connectors.ts")).connectorsCommand,
  status: async () => (await import("./commands/status.ts")).statusCommand,
  logs: async () => (await import("./commands/logs.ts")).logsCommand,
  restart: async () => (await import("./commands/order_worker.ts")).restartCommand,
  drain: async () => (await import("./commands/order_worker.ts")).drainCommand,
  undrain: async () => (await import("./commands/order_worker.ts")).undrainCommand,
  reload: async () => (await import("./commands/reload.ts")).reloadCommand,
  stop: async () => (await import("./commands/stop.ts")).stopCommand,
  wait: async () => (await import("./commands/wait.ts")).waitCommand,
  doctor: async () => (await import("./commands/doctor.ts")).doctorCommand,
  version: async () => (await import("./commands/version.ts")).versionCommand,
  completion: async () => (await import("./commands/completion.ts")).completionCommand,
  help: async () => (await import("./commands/help.ts")).helpCommand,
};

/** Their words are not split: they are pdserve's own, or the simulated engine's. */
export const internalMains: Readonly<
  Record<InternalVerb, () => Promise<(words: readonly string[], context: VerbInput["context"]) => Promise<number>>>
> = {
  "sim-engine": async () => (await import("../sim/main.ts")).runSimEngine,
  "sim-sglang": async () => (await import("../sim/sglang/main.ts")).runSimSglang,
  __core: async () => (await import("./commands/core.ts")).coreMain,
  __router: async () => (await import("./procs/router_process.ts")).runRouterProcess,
};
