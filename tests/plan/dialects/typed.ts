// What a typed line plans, with the files it names made of strings and the box made of numbers.

import { planFromArgv, type WishedPlan } from "../../../cli/plan_from_argv.ts";
import type { TextFile } from "../../../cli/read_text.ts";
import type { GetJson } from "../../../plan/dialects/rollout/external_engines.ts";
import type { Plan } from "../../../plan/plan.ts";
import type { Problem } from "../../../plan/problem.ts";
import { splitShellWords } from "../../../plan/shell_words.ts";
import { machineOf } from "../wishes.ts";

export interface Typed extends WishedPlan {
  /** One row a worker: `prefill-0 gpus 0,1 tp 2 --max-num-seqs 8`, the user's own arguments last. */
  readonly rows: readonly string[];
  readonly problems: readonly Problem[];
  /** `error f.yaml:3 What is wrong`. */
  readonly told: readonly string[];
}

/** `files` by the names the line uses. */
export async function typed(
  line: string | readonly string[],
  files: Readonly<Record<string, string>> = {},
  gpus = 8,
  getJson: GetJson = () => Promise.resolve(null),
  env: Readonly<Record<string, string>> = {},
): Promise<Typed> {
  const readText = (path: string): Promise<TextFile> => {
    const text = files[path.replace(/^\/job\//, "")];
    return Promise.resolve(text === undefined ? { is: "missing", why: "there is no such file" } : { is: "text", text });
  };
  const wished = await planFromArgv({
    argv: typeof line === "string" ? splitShellWords(line) ?? [] : line,
    ...{ env, cwd: "/job", readText, getJson, ownCommand: ["pdserve"], addresses: () => [] },
    probe: () => Promise.resolve(machineOf(gpus)),
    run: { sharedDir: "/run/kv", nonce: "1c9e" },
  });
  const { planned } = wished;
  const problems = planned.is === "planned" ? planned.plan.problems : planned.problems;
  return {
    ...wished,
    rows: planned.is === "planned" ? rowsOf(planned.plan) : [],
    problems,
    told: problems.map(({ severity, where, what }) => `${severity} ${where} ${what}`),
  };
}

/** The plan, or a failure that shows why there is none. */
export async function typedPlan(...args: Parameters<typeof typed>): Promise<Plan> {
  const { planned, told } = await typed(...args);
  if (planned.is === "impossible") throw new Error(told.join("\n"));
  return planned.plan;
}

export function errorsOf({ told }: Typed): readonly string[] {
  return told.filter((one) => one.startsWith("error ")).map((one) => one.slice("error ".length));
}

function rowsOf(plan: Plan): string[] {
  return plan.workers.map(({ name, gpus, tp, userArgs }) =>
    [name, "gpus", gpus.join(","), "tp", tp, ...userArgs].join(" ")
  );
}
