// What every route may use: the engines, the settings, the log, and a way to end the process.

import type { Engine } from "../engine/engine.ts";
import type { RequestHistory } from "../http/request_history.ts";
import type { MediaCounts } from "./encoded_media.ts";
import type { EngineLog } from "../log/engine_log.ts";
import type { Family } from "../metrics/families.ts";
import type { HttpMetrics } from "../metrics/http_metrics.ts";
import type { SimSettings } from "../settings/settings.ts";
import type { Violations } from "../violations.ts";

export interface ApiServer {
  readonly settings: SimSettings;
  /** One a data-parallel rank. */
  readonly engines: readonly Engine[];
  readonly families: readonly Family[];
  readonly httpMetrics: HttpMetrics;
  readonly log: EngineLog;
  readonly violations: Violations;
  readonly history: RequestHistory;
  readonly media: MediaCounts;
  /** `vllm-<version>-<8 hex>`. */
  readonly fingerprint: string;
  readonly now: () => number;
  readonly randomHex: (digits: number) => string;
  /** Ends the process with this exit code, connections and all. */
  readonly exit: (code: number) => void;
}

/** One HTTP request on its way through a route. */
export interface Call {
  readonly server: ApiServer;
  readonly method: string;
  readonly headers: Headers;
  readonly url: URL;
  readonly bodyText: string;
  /** Aborts when the client has left. */
  readonly signal: AbortSignal;
  /** Of GET /sim/requests; routes add what they find in the body. */
  note(kvParams: unknown): void;
}
