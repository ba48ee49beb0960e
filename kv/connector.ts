// What one KV connector knows: how to launch its workers, and what each leg of a request must say.
// Everything here is data and pure functions: no HTTP, no clock, no logger, no bytes.

import type { Json, RawJson } from "./json.ts";
import type { LegEdit } from "./leg_edit.ts";

export type Role = "prefill" | "decode" | "regular" | "encode";
/** `npu` is only named: pdserve plans for none. */
export type Device = "cuda" | "cpu" | "rocm" | "xpu" | "tpu" | "npu";

/** The route family of a request; it decides token-limit members and how an engine names its internal request. */
export type ApiKind = "completions" | "chat" | "responses" | "messages" | "generate";

/**
 * How a handoff is put together, shared by several connectors:
 * `params-echo`: the prefill reply's `kv_transfer_params` go to decode as they are.
 * `params-prebuilt`: the router writes both legs' params, so the legs can run at once.
 * `plain-two-step`: prefill first, then decode, no params; the KV waits in a store both workers see.
 * `announced`: prefill is told where to send, and its word on a socket of the router's starts decode.
 * `request-id`: both legs carry one X-Request-Id that names the two workers.
 * `bootstrap`: both legs carry one room number and the address of prefill's bootstrap server (SGLang).
 * `none`: no KV goes from one worker to another; `cannotHandOver` says why.
 */
export type HandoffShape =
  | "params-echo"
  | "params-prebuilt"
  | "plain-two-step"
  | "announced"
  | "request-id"
  | "bootstrap"
  | "none";

/** What the router and peers must know of one worker, from the plan or from probing a worker somebody else started. */
export interface WorkerFacts {
  readonly name: string;
  readonly role: Role;
  readonly host: string;
  readonly httpPort: number;
  /** First port of each purpose, e.g. `side_channel`, `bootstrap`, `kv_port`. */
  readonly ports: Readonly<Record<string, number>>;
  readonly tp: number;
  readonly dp: number;
  readonly pp: number;
  /** The id given at launch; null where the engine makes its own. New with each generation of the process. */
  readonly engineId: string | null;
  /** Engine id by DP rank as the connector's `discovery` read it from the running worker; empty when there is none. */
  readonly engineIdByRank: Readonly<Record<string, string>>;
}

/** One group of ports a worker needs; `count` consecutive ones. `env` names the variable that carries the first. */
export interface PortNeed {
  readonly purpose: string;
  readonly count: number;
  readonly env: string | null;
  /** Where vLLM users expect it, e.g. 5600 for NIXL's side channel. The plan starts its search there. */
  readonly preferred: number;
}

export interface WorkerShape {
  readonly role: Role;
  readonly tp: number;
  readonly dp: number;
  readonly pp: number;
}

export interface WiringContext extends WorkerShape {
  readonly device: Device;
  readonly engineVersion: string;
  /** Address peers on this box reach the worker at; both bind address and advertised address. */
  readonly host: string;
  readonly httpPort: number;
  readonly ports: Readonly<Record<string, number>>;
  readonly engineId: string;
  /** A private folder shared by all workers of the run, removed when the run ends. */
  readonly sharedDir: string;
  readonly loadFailurePolicy: "fail" | "recompute";
  /** The user's own members for `kv_connector_extra_config`, merged last. */
  readonly extraConfig: ExtraConfig;
}

/** `kv_connector_extra_config` as the user gives it, the same for all workers. */
export type ExtraConfig = Readonly<Record<string, Json>>;

/** What a worker is launched with: the JSON of `--kv-transfer-config`, environment, further arguments. */
export interface Wiring {
  readonly kvTransferConfig: Readonly<Record<string, Json>>;
  readonly env: Readonly<Record<string, string>>;
  readonly args: readonly string[];
}

/** Facts of a whole topology, for rules that join prefill and decode. Flags are the engine's, by long name. */
export interface Topology {
  readonly engine: string;
  readonly engineVersion: string;
  readonly device: Device;
  readonly workers:
    readonly (WorkerShape & { readonly name: string; readonly flags: Readonly<Record<string, string>> })[];
}

export interface ConnectorProblem {
  readonly what: string;
  readonly why: string;
  readonly fix: string;
  readonly severity: "error" | "warning";
}

/** One attempt of one request, as a connector sees it. */
export interface LegContext {
  /** Unique for each attempt, never reused; sent as `X-Request-Id` on both legs unless the edit says otherwise. */
  readonly attemptId: string;
  /** 32 random hex digits of this attempt. */
  readonly nonce: string;
  /** First of as many numbers as the request may hold prompts, never given twice by this router; only for `bootstrap`. */
  readonly room?: number;
  readonly api: ApiKind;
  readonly prefill: WorkerFacts;
  readonly decode: WorkerFacts;
}

/** The prefill reply's `kv_transfer_params`: parsed to be looked at, raw to be sent on. Both null when absent or null. */
export interface PrefillReply {
  readonly params: Readonly<Record<string, Json>> | null;
  readonly raw: RawJson | null;
}

/** What to do on decode: send it with this edit, or the handoff is impossible for the reason given. */
export type DecodeLeg =
  | { readonly is: "send"; readonly edit: LegEdit }
  | { readonly is: "no-handoff"; readonly reason: string };

export type FindConnector = (nameOrAlias: string, extraConfig: ExtraConfig) => Connector;

/** How the engines' own counters prove that KV moved. Source: vLLM v1/metrics, seen on a real 0.32.0. */
export interface TransferProof {
  /** Tokens decode must have got from outside: the whole prompt, or only its whole blocks. */
  readonly covers: "prompt" | "whole-blocks";
  /** A counter of moved bytes and the role it grows on (the side that starts the transfer); null when there is none. */
  readonly bytes: {
    readonly metric: string;
    readonly on: "prefill" | "decode";
    /** What one of the counter stands for; 1 when left out. */
    readonly unitBytes?: number;
    /** The engine counts a prompt's tokens wherever they came from, so only these bytes prove that any moved. */
    readonly needed?: true;
  } | null;
}

/** A GET on the prefill worker's own port, needed before the first request (Mooncake's bootstrap server). */
export interface Discovery {
  readonly purpose: string;
  readonly path: string;
  /** Engine id by DP rank, or null while the worker has not registered all its ranks (dp × tp × pp of them). */
  read(answer: Json, worker: Pick<WorkerShape, "tp" | "dp" | "pp">): Readonly<Record<string, string>> | null;
}

/** A process beside the workers that pdserve does not start. */
export interface ExternalServer {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** The command line for people to paste. */
  readonly command: string;
}

/** Prefill's word that the KV has arrived: a ZeroMQ PUSH to a socket that the router binds. */
export interface Arrival {
  /** Which of prefill's ports it is; the router binds it, not the worker. */
  readonly portPurpose: string;
  /** What the message calls this attempt, in its member `req_id`. */
  idOf(context: LegContext): string;
}

export interface FailureMode {
  readonly when: string;
  /** What the client, or whoever starts the run, sees of it. */
  readonly seen: string;
}

/** What people should know of a connector; `pdserve connectors` and docs/connectors.md are made of it. */
export interface ConnectorNotes {
  /** One line for help, docs and `pdserve connectors`. */
  readonly summary: string;
  /** Packages, hardware, services: what must be there before it can work. */
  readonly needs: readonly string[];
  readonly failureModes: readonly FailureMode[];
  /** On what it ran and what is only read, in one line. */
  readonly evidence: string;
  /** Files of vLLM, pull requests, documents. */
  readonly sources: readonly string[];
}

export interface Connector extends ConnectorNotes {
  /** vLLM's exact name. */
  readonly name: string;
  readonly aliases: readonly string[];
  /** Semver range of each engine that has it. */
  readonly engines: Readonly<Record<string, string>>;
  /** Why versions outside `engines` lack it, where there is more to say than the range. */
  readonly whyMissing?: string;
  readonly devices: readonly Device[];
  /** Python modules that must import in the engine's Python. */
  readonly imports: readonly string[];
  /** How SGLang calls it, where it is one of its transfer backends. */
  readonly sglangBackend?: string;
  readonly shape: HandoffShape;
  /** Route families whose prefill keeps its KV; absent: all. Others are served whole. */
  readonly apis?: readonly ApiKind[];
  /** Both legs at once, or decode only after prefill has answered. */
  readonly legs: "sequential" | "concurrent";
  /** How long prefill keeps finished blocks for decode; null where nothing is pinned. */
  readonly leaseMs: number | null;
  /** Member of `kv_connector_extra_config` that changes the lease, in seconds; see kv/lease.ts. */
  readonly leaseKey?: string;
  readonly proof: TransferProof;
  readonly discovery: Discovery | null;
  /** For `announced`: what decode's leg waits for besides prefill's reply. */
  readonly arrival?: Arrival;
  /** Processes that must run already; pdserve starts none of them. */
  readonly servers?: readonly ExternalServer[];
  /** A worker's peers keep its old addresses for good, so that they must be started anew with it. */
  readonly peersRestartToo?: boolean;
  /** Why it moves no KV from worker to worker, and what does; absent where it does. */
  readonly cannotHandOver?: { readonly why: string; readonly fix: string };
  /** Members without which a prefill reply is never sent on, for `params-echo`. */
  readonly replyNeeds?: readonly string[];
  /**
   * The connector that the user's extra config makes of this one, where legs, ports or rules depend on it. `find` knows
   * all others, for connectors made of several.
   */
  configured?(extraConfig: ExtraConfig, find: FindConnector): Connector;
  /**
   * Prefill gets the request as decode does and ends it of itself after one token, whose log-probabilities it hands over
   * too; what its answer tells of the prompt belongs into decode's.
   */
  readonly twinLegs?: true;
  /** One body may hold several prompts: each is handed over by itself. */
  readonly splitsBatches?: true;
  /** A decode worker of this connector answers a request without params as ordinary vLLM does. */
  readonly servesPlainRequests: boolean;
  ports(worker: WorkerShape): readonly PortNeed[];
  wiring(context: WiringContext): Wiring;
  /**
   * What all workers are launched with so that prefill can read a session's turn before from decode, which keeps it for
   * `ttlMs`; absent where prefill cannot.
   */
  turnReuse?(ttlMs: number): ExtraConfig;
  /** Why this topology cannot work with this connector; all reasons at once. */
  problems(topology: Topology): readonly ConnectorProblem[];
  prefillLeg(context: LegContext): LegEdit;
  /** `reply` is null when both legs run at once. */
  decodeLeg(context: LegContext, reply: PrefillReply | null): DecodeLeg;
}
