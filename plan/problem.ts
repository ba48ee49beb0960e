// A user's mistake or a machine's shortcoming, told so that the reader knows what to do.

export interface Problem {
  /** Action first, value quoted, no full stop: `GPU 2 is in both --prefill-gpus and --decode-gpus`. */
  readonly what: string;
  readonly why: string;
  /** The exact flag and value to use. */
  readonly fix: string;
  /** Where it was said: `flag --decode-gpus`, `pdserve.yaml:12`, `env PDSERVE_PD`, `machine`. */
  readonly where: string;
  readonly severity: "error" | "warning";
  /** 2 bad usage or config, 69 engine missing, 1 could not start. Errors only; the highest-ranking one is the exit code. */
  readonly exitCode?: 1 | 2 | 69;
}

/** An argument for both roles is one mistake, not two. */
export function distinctProblems(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [`${problem.where}\0${problem.what}`, problem])).values()];
}

export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === "error");
}
