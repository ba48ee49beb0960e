// What pdserve's exit status says. The README's table and the supervisor's decisions refer to these names.

export const exitCodes = {
  ok: 0,
  /** A restart will not help. */
  couldNotStart: 1,
  badUsage: 2,
  degraded: 3,
  notRunning: 4,
  /** EX_UNAVAILABLE of sysexits.h. */
  engineMissing: 69,
  /** EX_TEMPFAIL of sysexits.h: trying again may help. */
  tryAgain: 75,
  /** 128 + SIGINT: Ctrl-C twice. */
  interrupted: 130,
  /** 128 + SIGKILL. */
  killed: 137,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
