// Bad manners on demand. `--sim-*` flags set them at start; POST /sim/faults changes them while the engine runs.

export interface Faults {
  /** Requests hang, /health stays 200: what a frozen EngineCore looks like. */
  hang: boolean;
  ignoreSigterm: boolean;
  /** On SIGTERM with a stream open: `clean` ends it with finish_reason abort; `hung` waits for the client. */
  sigterm: "clean" | "hung";
  /** The decode side ignores kv_transfer_params and computes the prompt itself, silently. */
  ignoreKvParams: boolean;
  firstTokenEos: boolean;
  /** That many of the next KV transfers fail. */
  failTransfers: number;
  /** That many of the next generation requests are answered with `errorStatus`. */
  errorRequests: number;
  errorStatus: number;
  /** The process ends with exit code 0 after that many generation requests were answered; 0 is never. */
  exitAfterRequests: number;
  /** The process ends in the middle of a stream after that many tokens of it; 0 is never. */
  dieAfterTokens: number;
  /** Streams are cut (no [DONE]) after that many tokens, the process lives; 0 is never. */
  cutAfterTokens: number;
  /** Requests wait this long before the scheduler sees them. */
  queueMs: number;
  neverHealthy: boolean;
  /** Print this file as the log and exit with `exitCode` instead of starting. */
  failLog: string | null;
  exitCode: number;
  /** Which process outlives a SIGKILL of the engine: none, one in its group, or one in a session of its own. */
  orphan: "none" | "group" | "session";
  /** Mooncake before vLLM #50984: a failed receive hangs for ever. */
  mooncakeLegacy: boolean;
}

export const noFaults: Readonly<Faults> = {
  hang: false,
  ignoreSigterm: false,
  sigterm: "clean",
  ignoreKvParams: false,
  firstTokenEos: false,
  failTransfers: 0,
  errorRequests: 0,
  errorStatus: 500,
  exitAfterRequests: 0,
  dieAfterTokens: 0,
  cutAfterTokens: 0,
  queueMs: 0,
  neverHealthy: false,
  failLog: null,
  exitCode: 1,
  orphan: "none",
  mooncakeLegacy: false,
};
