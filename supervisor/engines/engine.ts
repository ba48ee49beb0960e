// What is particular to one engine: how it is started, probed, read and stopped. Data and pure functions only.

import type { Device, Role } from "../../kv/connector.ts";

/** Where a starting worker is, as far as its log tells; the probe, not the log, decides readiness. */
export interface Stage {
  readonly name: "booting" | "loading weights" | "compiling" | "sizing KV" | "capturing graphs" | "listening";
  readonly done?: number;
  readonly of?: number;
}

/** What the plan knows of a worker when it asks the engine for the command line. */
export interface WorkerCommandInput {
  readonly role: Role;
  readonly model: string;
  readonly servedModelName: string;
  readonly device: Device;
  readonly gpus: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly tp: number;
  readonly dp: number;
  readonly pp: number;
  /** The word or words that replace `vllm`, e.g. `["uv", "run", "vllm"]`. */
  readonly command: readonly string[];
  readonly engineVersion: string;
  /** Set by the connector. */
  readonly kvTransferConfig: Readonly<Record<string, unknown>> | null;
  readonly wiringArgs: readonly string[];
  readonly wiringEnv: Readonly<Record<string, string>>;
  /** The user's own arguments for this role, in order. */
  readonly userArgs: readonly string[];
  /** How many workers share this machine, for CPU thread binding. */
  readonly workersOnMachine: number;
  readonly cpuCores: number;
}

/** A worker's exit, its log and what was known of the machine then. */
export interface Evidence {
  readonly lines: readonly string[];
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly role: Role;
  readonly worker: string;
  readonly gpus: readonly string[];
}

export interface Diagnosis {
  readonly rule: string | null;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
  /** Index into the evidence's lines of the first root-cause line; null when no line says it. */
  readonly line: number | null;
}

export type Captures = Readonly<Record<string, string>>;

export interface DiagnosisRule {
  readonly id: string;
  readonly line: RegExp;
  readonly why: (groups: Captures, evidence: Evidence) => string;
  readonly fix: (groups: Captures, evidence: Evidence) => string;
  /** A line of a real log that this rule must match. */
  readonly example: string;
}

export interface Engine {
  readonly name: string;
  command(
    input: WorkerCommandInput,
  ): { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> };
  readonly probe: { readonly path: string };
  /** Progress told by one log line; null when it tells none. */
  stage(line: string): Stage | null;
  readonly rules: readonly DiagnosisRule[];
  readonly stop: { readonly signal: "SIGTERM" | "SIGINT"; readonly graceMs: number };
  /** The command that prints the version, and how to read it; `version` of a running worker comes from GET /version. */
  versionCommand(command: readonly string[]): readonly string[];
  readVersion(output: string): string | null;
  /** Flags hands type without `--`: long name → whether it takes a value. */
  readonly commonFlags: Readonly<Record<string, "value" | "switch">>;
  /** Flags only the plan may set → why. */
  readonly ownedFlags: Readonly<Record<string, string>>;
  /** Flags that must agree between prefill and decode. */
  readonly sharedFlags: readonly string[];
  readonly metrics: EngineMetrics;
}

/** Prometheus names, without the `_total` a counter may carry. */
export interface EngineMetrics {
  readonly promptTokensBySource: string;
  readonly externalSource: string;
  readonly localComputeSource: string;
  readonly running: string;
  readonly waiting: string;
  readonly kvUsage: string;
  readonly generationTokens: string;
}
