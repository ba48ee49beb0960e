// Whether a worker that failed is started again, and when.

export type RestartRule =
  /** A failure is final until somebody restarts the worker. */
  | { readonly is: "never" }
  | {
    readonly is: "backoff";
    readonly firstMs: number;
    readonly maxMs: number;
    /** Given up after this many failures … */
    readonly giveUpAfter: number;
    /** … within this time. */
    readonly withinMs: number;
    /** Spreads the delay, so that workers that failed together do not come back together. */
    readonly jitter: (delayMs: number) => number;
  };

/** A worker that somebody else runs comes back whenever he likes. */
export const lookAgain: RestartRule = {
  is: "backoff",
  firstMs: 1_000,
  maxMs: 1_000,
  giveUpAfter: Infinity,
  withinMs: Infinity,
  jitter: (delayMs) => delayMs,
};

export type RestartDecision =
  | { readonly is: "never" }
  | { readonly is: "retry"; readonly attempt: number; readonly atMs: number }
  | { readonly is: "give-up" };

/** `failedAtMs` are the worker's failures so far, this one included, oldest first. The delay doubles from one to the next. */
export function decideRestart(rule: RestartRule, failedAtMs: readonly number[], nowMs: number): RestartDecision {
  if (rule.is === "never") return { is: "never" };
  const recent = failedAtMs.filter((atMs) => nowMs - atMs < rule.withinMs).length;
  if (recent >= rule.giveUpAfter) return { is: "give-up" };
  const delayMs = Math.min(rule.maxMs, rule.firstMs * 2 ** (recent - 1));
  return { is: "retry", attempt: recent, atMs: nowMs + rule.jitter(delayMs) };
}
