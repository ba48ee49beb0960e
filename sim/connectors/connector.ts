// What a simulated KV connector does for its engine: before the prompt is computed, after, and at the end.

import type { Attention } from "../kv/content.ts";
import type { BlockPool } from "../kv/block_pool.ts";
import type { EngineRequest } from "../engine/request.ts";
import type { JsonObject } from "../json.ts";
import type { EngineLog } from "../log/engine_log.ts";
import type { EngineMetrics } from "../metrics/engine_metrics.ts";
import type { ConnectorSettings, SimSettings } from "../settings/settings.ts";
import type { Violations } from "../violations.ts";

/** What a connector may use of its engine. */
export interface EngineHost {
  readonly settings: SimSettings;
  readonly connector: ConnectorSettings;
  /** With `_dp<rank>` when there are several. */
  readonly engineId: string;
  readonly rank: number;
  readonly pool: BlockPool;
  readonly metrics: EngineMetrics;
  readonly log: EngineLog;
  readonly violations: Violations;
  readonly now: () => number;
  /** Frees blocks that a connector had kept, and lets waiting requests have them. */
  release(blockIds: readonly number[]): void;
  /** The engine core dies: `error` is the Python error, its last line first of all to be read. */
  die(error: string): void;
}

export interface Connector {
  start(): Promise<StartOutcome>;
  /** A request has arrived and waits. */
  arrived(request: EngineRequest): void;
  /** How much of the prompt behind `localTokens` can come from elsewhere. Asked again when there was no room. */
  lookup(request: EngineRequest, localTokens: number): Lookup;
  /** The whole prompt is in these blocks. The engine's step waits for what is returned, as for vLLM's `wait_for_save`. */
  prefilled(request: EngineRequest, blockIds: readonly number[]): void | Promise<void>;
  /** The request has ended by itself. */
  finished(request: EngineRequest, blockIds: readonly number[], end: RequestEnd): Handover;
  /** The request has ended by its client or by a failure. */
  dropped(request: EngineRequest): void;
  /** For GET /sim/state. */
  state(): JsonObject;
  stop(): void;
}

/** `stuck`: the engine will never be healthy, and `stderr` is all that is said about it. `failed`: exit code 1. */
export type StartOutcome =
  | { readonly kind: "ready" }
  | { readonly kind: "stuck" | "failed"; readonly stderr: string };

export type Lookup =
  | { readonly kind: "none" }
  | Load
  /** Not known yet: the request is asked again then. vLLM's connectors return None for it. */
  | { readonly kind: "later"; readonly until: Promise<void> }
  /** The scheduler trips over the request and the engine core dies. */
  | { readonly kind: "death"; readonly error: string };

export interface Load {
  /** `block`: the whole engine waits, not only the request. */
  readonly kind: "load" | "block";
  readonly tokens: number;
  /** Which tier of `prompt_tokens_cached_by_source` they count for. */
  readonly tier: "p2p" | "external_unspecified";
  /** Never resolves when nobody brings the KV. */
  load(blockIds: readonly number[]): Promise<LoadResult>;
}

/** `slots` follow the locally cached tokens in position order. */
export type LoadResult =
  | { readonly kind: "loaded"; readonly slots: Uint32Array }
  | { readonly kind: "failed" }
  | { readonly kind: "death"; readonly error: string };

export interface RequestEnd {
  readonly reason: "stop" | "length";
  /** Prompt tokens that were in the prefix cache. */
  readonly cachedTokens: number;
  /** Tokens whose KV is in the blocks. */
  readonly tokensHeld: number;
  readonly attention: Attention;
}

export interface Handover {
  /** The connector keeps the blocks and will release them. */
  readonly keepsBlocks: boolean;
  /** `kv_transfer_params` of the response. */
  readonly params: JsonObject | null;
}

export const nothingHandedOver: Handover = { keepsBlocks: false, params: null };
