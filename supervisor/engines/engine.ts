// What is particular to one engine: how it is started, probed, read and stopped. Data and pure functions only.

import type { Device, PortNeed, Role, WorkerShape } from "../../kv/connector.ts";
import type { InstalledEngine } from "../../plan/machine.ts";

/** Where a starting worker is, as far as its log tells; the probe, not the log, decides readiness. */
export interface Stage {
  readonly name: "booting" | "loading weights" | "compiling" | "sizing KV" | "capturing graphs" | "listening";
  readonly done?: number;
  readonly of?: number;
}

/** How many tokens' KV fits in at once, and how many the longest request may have; null where it is not told. */
export interface KvRoom {
  readonly tokens: number;
  readonly requestTokens: number | null;
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
  /** Main memory of the machine, for the KV cache of CPU workers; absent or null when unknown. */
  readonly memoryBytes?: number | null;
  /** First of the ports the engine may use between its own processes, as asked for by `Engine.ports`. */
  readonly internalPort?: number | null;
}

/** A worker's exit, its log and what was known of the machine then. */
export interface Evidence {
  readonly lines: readonly string[];
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly role: Role;
  readonly worker: string;
  readonly gpus: readonly string[];
  /** The command that was started. */
  readonly argv?: readonly string[];
  /** The worker's whole log, for the `fix` of a failure that no rule explains. */
  readonly logPath?: string | null;
  /** Who else holds memory on these GPUs, where the driver tells. */
  readonly holders?: readonly { readonly pid: number; readonly name: string; readonly bytes: number }[];
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
  /** What must hold besides, for a line that alone is too common to mean this. */
  readonly when?: (groups: Captures, evidence: Evidence) => boolean;
  readonly why: (groups: Captures, evidence: Evidence) => string;
  readonly fix: (groups: Captures, evidence: Evidence) => string;
  /** A line of a real log that this rule must match. */
  readonly example: string;
  /** The engine goes on running after this line but will never serve: waiting for its exit is waiting for ever. */
  readonly whileRunning?: true;
  /** The line tells that something died, not why: it speaks only when no cause is found. */
  readonly consequence?: true;
}

/** Landmarks of an engine's log, by which a diagnosis tells a cause from its echoes. */
export interface LogMarks {
  /** Requests are being answered: an error may from now on be one request's, not the engine's. */
  readonly serving: RegExp;
  /** Something died; what stands above it in a serving engine's log is older history. */
  readonly crash: RegExp;
  /** Lines that report no trouble; they are most of a log, so this must be quick. */
  readonly calm: RegExp;
  /** Lines that only pass on an error told before. */
  readonly wrapper: RegExp;
  /** Lines that repeat the configuration or a request, whose words mean nothing. */
  readonly echo: RegExp;
  /** What the engine writes before the message itself. */
  readonly prefix: RegExp;
}

export interface Engine {
  readonly name: string;
  /** The newest version that is known to work as described. */
  readonly newestKnown: string;
  command(
    input: WorkerCommandInput,
  ): { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> };
  /** Ports the engine needs besides HTTP and the connector's. */
  ports?(worker: WorkerShape): readonly PortNeed[];
  /** `limitMs` where an honest answer may take longer than two seconds. */
  readonly probe: { readonly path: string; readonly limitMs?: number };
  /** Progress told by one log line; null when it tells none. */
  stage(line: string): Stage | null;
  /** The room for KV told by one log line of a starting engine; one line for each of its data-parallel ranks. */
  kvRoom?(line: string): KvRoom | null;
  readonly rules: readonly DiagnosisRule[];
  readonly marks?: LogMarks;
  readonly stop: {
    readonly signal: "SIGTERM" | "SIGINT";
    readonly graceMs: number;
    /** The first process passes the signal on itself; left out, all of them get it. */
    readonly only?: "leader";
  };
  /**
   * The command that prints the version, and how to read it; `version` of a running worker comes from GET /version.
   * Fast when the first word is a resolved path, or when `scriptHead` is given.
   */
  versionCommand(command: readonly string[], hints?: VersionHints): readonly string[];
  readVersion(output: string): string | null;
  /** All that the same output tells of the installation; null when it is no such output. */
  readInstalled?(output: string): InstalledEngine | null;
  /** The version that the engine's own arguments decide, so that no process need be asked. */
  impliedVersion?(userArgs: readonly string[]): string;
  /** Flags hands type without `--`: long name → whether it takes a value. */
  readonly commonFlags: Readonly<Record<string, "value" | "switch">>;
  /** Flags that begin so pass as well, and take a value unless `commonFlags` says otherwise. */
  readonly commonFlagPrefix?: string;
  /** Flags only the plan may set → why. */
  readonly ownedFlags: Readonly<Record<string, string>>;
  /** Flags that must agree between prefill and decode. */
  readonly sharedFlags: readonly string[];
  /** Its flags for data and pipeline parallel sizes; vLLM's where left out. */
  readonly sizeFlags?: Readonly<Record<string, "dp" | "pp">>;
  /** With this flag data parallel ranks share the tensor parallel ones' GPUs instead of taking their own. */
  readonly dpInsideTp?: string;
  /** Why a variable that a user gives the engine does nothing; null where it may do something. */
  whyUselessVariable?(name: string): string | null;
  readonly metrics: EngineMetrics;
}

export interface VersionHints {
  /** The first bytes of the script that the command's last word names, PATH and links followed. */
  readonly scriptHead?: string;
  /** Top-level Python modules to look for. */
  readonly modules?: readonly string[];
}

/** Prometheus names, without the `_total` a counter may carry. */
export interface EngineMetrics {
  readonly promptTokensBySource: string;
  /** Label that holds the source; `source` when left out. */
  readonly sourceLabel?: string;
  readonly externalSource: string;
  readonly localComputeSource: string;
  /** Where prompt tokens that decode computed itself are a metric of their own; one that is absent counts none. */
  readonly recomputed?: { readonly metric: string; readonly labels: string };
  readonly running: string;
  readonly waiting: string;
  readonly kvUsage: string;
  readonly generationTokens: string;
}
