// Everything one simulated engine was told, by flags and environment, after checking.

import type { JsonObject } from "../json.ts";
import type { Faults } from "./faults.ts";

export interface SimSettings {
  /** As given on the command line: a path or a hub id. */
  readonly model: string;
  readonly servedNames: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly apiKeys: readonly string[];
  readonly vllmVersion: string;
  readonly dtype: string;
  readonly maxModelLen: number;
  /** Tokens a block. */
  readonly blockSize: number;
  readonly blockSizeGiven: boolean;
  readonly kvBlocks: number;
  readonly kvCacheMemoryBytes: number | null;
  readonly maxNumSeqs: number;
  readonly maxBatchedTokens: number;
  readonly parallel: { readonly tp: number; readonly dp: number; readonly pp: number };
  readonly connector: ConnectorSettings | null;
  /** `--ec-transfer-config`; null without. */
  readonly encoder: EncoderSettings | null;
  readonly switches: ServerSwitches;
  readonly env: SimEnv;
  readonly pace: Pace;
  readonly faults: Faults;
  /** For the `non-default args` line, in the order given. */
  readonly givenArgs: readonly (readonly [string, string])[];
}

/** `KVTransferConfig`, kv-protocols.md §1. */
export interface ConnectorSettings {
  readonly name: string;
  readonly engineId: string;
  readonly role: KvRole;
  readonly ip: string;
  readonly port: number;
  readonly loadFailurePolicy: "fail" | "recompute";
  readonly extra: JsonObject;
}

/** ECTransferConfig of ECExampleConnector, kv-protocols.md §9. */
export interface EncoderSettings {
  readonly role: "ec_producer" | "ec_consumer" | "ec_both";
  /** What encoders have made of images, one folder each. */
  readonly path: string;
}

export type KvRole = "kv_producer" | "kv_consumer" | "kv_both";

export interface ServerSwitches {
  readonly promptTokensDetails: boolean;
  readonly requestIdHeaders: boolean;
  readonly scaleOut: boolean;
  readonly prefixCaching: boolean;
  readonly enforceEager: boolean;
  readonly accessLog: boolean;
  readonly forceIncludeUsage: boolean;
}

export interface SimEnv {
  readonly nixlHost: string;
  readonly nixlPort: number;
  readonly mooncakeBootstrapPort: number;
  readonly hostIp: string;
  readonly p2pHost: string;
  readonly p2pPort: number;
  /** PYTHONHASHSEED, from which keys of blocks start; null where each process has a random one. */
  readonly hashSeed: string | null;
  /** Where the connectors' own files and variables say that the store is; empty where they are silent. */
  readonly storeAddress: string;
  /** False with VLLM_DISABLE_REQUEST_ID_RANDOMIZATION=1: internal ids carry no random suffix. */
  readonly randomizeRequestIds: boolean;
  readonly devMode: boolean;
}

/** How long things take; all zero means as fast as possible. */
export interface Pace {
  readonly startupMs: number;
  readonly loadMs: number;
  readonly prefillMsPer1k: number;
  readonly decodeMsPerToken: number;
  readonly transferMsPerBlock: number;
  readonly transferMbPerS: number;
  readonly handshakeTimeoutMs: number;
  /** From the engine's death to the end of the API server. */
  readonly deathMs: number;
  /** Mooncake's wait for a transfer id that nobody asks for; 480 s in vLLM. */
  readonly mooncakeAbortMs: number;
}

/** The process must not start: what vLLM prints on stderr, and its exit code. */
export interface StartFailure {
  readonly exitCode: number;
  readonly stderr: string;
}
