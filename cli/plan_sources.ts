// Where a verb's plan gets its facts in real life.

import { randomBytes } from "node:crypto";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { selfCommand } from "../supervisor/self_command.ts";
import type { CliContext } from "./context.ts";
import type { PlanSources } from "./plan_from_argv.ts";
import { readText } from "./read_text.ts";

/** `run` replaces the folder and nonce that a plan nobody starts would have. */
export function planSources(
  argv: readonly string[],
  { env, cwd }: CliContext,
  run: PlanSources["run"] = runToBe(),
): PlanSources {
  return {
    ...{ argv, env, cwd, readText, run, ownCommand: selfCommand() },
    addresses: networkAddresses,
    probe: async (question) => {
      const { probeMachine } = await import("../plan/probe/probe_machine.ts");
      return await probeMachine(question);
    },
  };
}

function networkAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address);
}

function runToBe(): PlanSources["run"] {
  const nonce = randomBytes(3).toString("hex");
  return { nonce, sharedDir: join(tmpdir(), `pdserve-${nonce}`) };
}
