// The engine core: a waiting line, a running batch, and one step after another while there is work. Also the place where
// it dies.

import type { Connector, LoadResult } from "../connectors/connector.ts";
import { BlockPool } from "../kv/block_pool.ts";
import type { EngineLog } from "../log/engine_log.ts";
import type { EngineMetrics } from "../metrics/engine_metrics.ts";
import type { Faults } from "../settings/faults.ts";
import type { SimSettings } from "../settings/settings.ts";
import { activate, type ActiveRequest, adoptSlots, nameBlocks } from "./active_request.ts";
import { type AdmissionContext, admit } from "./admission.ts";
import type { EngineOutput, EngineRequest } from "./request.ts";
import { countEnd } from "./request_metrics.ts";
import { runStep } from "./step.ts";

export interface EngineParts {
  readonly settings: SimSettings;
  readonly pool: BlockPool;
  readonly metrics: EngineMetrics;
  readonly log: EngineLog;
  readonly faults: Faults;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** The API server hears of the death. */
  readonly died: () => void;
}

export class Engine {
  readonly #parts: EngineParts;
  #connector: Connector | null = null;
  #waiting: ActiveRequest[] = [];
  #running: ActiveRequest[] = [];
  readonly #loading = new Set<ActiveRequest>();
  #stepping = false;
  /** Set by wake(); a step loop that sees it looks at the waiting line once more before it rests. */
  #woken = false;
  #dead = false;

  constructor(parts: EngineParts) {
    this.#parts = parts;
  }

  /** Once, before the first request: the connector needs the engine and the engine the connector. */
  connect(connector: Connector | null): void {
    this.#connector = connector;
  }

  get connector(): Connector | null {
    return this.#connector;
  }

  get pool(): BlockPool {
    return this.#parts.pool;
  }

  get metrics(): EngineMetrics {
    return this.#parts.metrics;
  }

  get dead(): boolean {
    return this.#dead;
  }

  counts(): { running: number; waiting: number; loading: number } {
    const loading = this.#loading.size;
    return { running: this.#running.length, waiting: this.#waiting.length + loading, loading };
  }

  /** The result aborts the request: its client has left, it ends without a word. */
  submit(request: EngineRequest, emit: (output: EngineOutput) => void): () => void {
    const active = activate(request, this.#parts.pool.blockSize, emit);
    if (this.#dead) {
      emit({ kind: "failed", cause: "engine_dead" });
      return () => {};
    }
    this.#connector?.arrived(request);
    const queueMs = this.#parts.faults.queueMs;
    const enqueue = () => {
      if (active.phase !== "waiting" || this.#dead) return;
      this.#waiting.push(active);
      this.wake();
    };
    if (queueMs > 0) void this.#parts.sleep(queueMs).then(enqueue);
    else enqueue();
    return () => this.#abort(active);
  }

  /** Something has changed that may let a request go on. */
  wake(): void {
    this.#woken = true;
    if (!this.#stepping && !this.#dead) void this.#work();
    else this.showCounts();
  }

  release(blockIds: readonly number[]): void {
    this.#parts.pool.release(blockIds);
    this.wake();
  }

  /** SIGTERM: everything in flight ends with finish_reason abort. Returns how many there were. */
  abortAll(): number {
    const all = [...this.#waiting, ...this.#loading, ...this.#running];
    for (const active of all) {
      this.#forget(active);
      countEnd(active, this.#parts.metrics, "abort");
      active.emit({ kind: "ended", finish: { ...plainFinish, cachedTokens: active.cachedTokens } });
    }
    return all.length;
  }

  /** A fatal error in the scheduler or worker. Every request fails, and the API server ends soon after. */
  die(error: string): void {
    if (this.#dead) return;
    this.#dead = true;
    const { log } = this.#parts;
    log.line("EngineCore", "ERROR", "core.py:1512", "EngineCore encountered a fatal error.");
    log.line("EngineCore", "ERROR", "core.py:1512", `Traceback (most recent call last):\n${error}`);
    log.line("APIServer", "ERROR", "async_llm.py:906", "AsyncLLM output_handler failed.");
    for (const active of [...this.#waiting, ...this.#loading, ...this.#running]) {
      active.emit({ kind: "failed", cause: "engine_dead" });
    }
    this.#parts.died();
  }

  showCounts(): void {
    const { metrics, pool } = this.#parts;
    const { running, waiting, loading } = this.counts();
    metrics.set("num_requests_running", running);
    metrics.set("num_requests_waiting", waiting);
    metrics.set("num_requests_waiting_by_reason", waiting - loading, "capacity");
    metrics.set("num_requests_waiting_by_reason", loading, "deferred");
    metrics.set("num_requests_kv_fetch_by_stage", loading, "in_progress");
    metrics.set("engine_sleep_state", 1, "awake");
    metrics.set("kv_cache_usage_perc", pool.usage);
  }

  async #work(): Promise<void> {
    this.#stepping = true;
    while (!this.#dead && !this.#parts.faults.hang) {
      this.#woken = false;
      await this.#admitWaiting();
      this.showCounts();
      if (this.#running.length === 0) {
        if (this.#woken) continue;
        break;
      }
      await runStep(this.#running, {
        ...this.#parts,
        connector: this.#connector,
        end: (active) => this.#forget(active),
      });
      this.#requeuePreempted();
    }
    this.#stepping = false;
    this.showCounts();
  }

  async #admitWaiting(): Promise<void> {
    const { settings, metrics, pool, now } = this.#parts;
    const context: AdmissionContext = {
      pool,
      metrics,
      connector: this.#parts.faults.ignoreKvParams ? null : this.#connector,
      prefixCaching: settings.switches.prefixCaching,
    };
    while (this.#waiting.length > 0 && this.#running.length < settings.maxNumSeqs && !this.#dead) {
      const active = this.#waiting[0]!;
      const admission = active.phase === "loaded" ? { kind: "admitted" } as const : admit(active, context);
      if (admission.kind === "no_room") break;
      if (admission.kind === "death") {
        this.die(admission.error);
        return;
      }
      this.#waiting.shift();
      if (admission.kind === "later") {
        this.#putOff(active, admission.until);
        continue;
      }
      if (admission.kind === "admitted") {
        active.phase = "running";
        active.times.runningMs ||= now();
        this.#running.push(active);
        continue;
      }
      active.phase = "loading";
      this.#loading.add(active);
      this.showCounts();
      const { load } = admission;
      const loaded = load.load(active.blocks).then((result) => this.#loaded(active, load.tokens, result));
      if (load.kind === "block") await loaded;
    }
  }

  /** The connector does not know yet what it can bring; those behind go on. */
  #putOff(active: ActiveRequest, until: Promise<void>): void {
    active.phase = "loading";
    this.#loading.add(active);
    void until.then(() => {
      this.#loading.delete(active);
      if (active.phase === "done") return;
      active.phase = "waiting";
      this.#waiting.unshift(active);
      this.wake();
    });
  }

  #loaded(active: ActiveRequest, tokens: number, result: LoadResult): void {
    this.#loading.delete(active);
    const { pool } = this.#parts;
    if (result.kind === "death") return this.die(result.error);
    if (active.phase === "done") return this.release(active.blocks);
    if (result.kind === "failed") return this.#loadFailed(active, tokens);
    for (const [i, slot] of result.slots.entries()) {
      const at = active.cachedTokens + i;
      const slots = pool.slots(active.blocks[Math.floor(at / pool.blockSize)] ?? 0);
      if (slots) slots[at % pool.blockSize] = slot;
    }
    active.loadedTokens = tokens;
    const prompt = active.request.promptIds.length;
    nameBlocks(active, pool, Math.min(prompt, active.cachedTokens + tokens));
    adoptSlots(active, pool, Math.min(prompt - 1, active.cachedTokens + tokens));
    active.phase = "loaded";
    this.#waiting.unshift(active);
    this.wake();
  }

  #loadFailed(active: ActiveRequest, tokens: number): void {
    const { log, metrics, settings, pool } = this.#parts;
    const { id } = active.request;
    log.line("Worker", "WARNING", "base_worker.py:2915", `Skipping KV post-processing for failed request ${id}`);
    if (settings.connector?.loadFailurePolicy === "recompute") {
      active.loadFailed = true;
      active.phase = "loaded";
      this.#waiting.unshift(active);
      return this.wake();
    }
    log.line(
      "EngineCore",
      "ERROR",
      "scheduler.py:3417",
      `Failing 1 request(s) due to KV load failure (failure_policy=fail, ${tokens} tokens affected). Request IDs: {'${id}'}`,
    );
    active.phase = "done";
    pool.release(active.blocks);
    this.#connector?.dropped(active.request);
    countEnd(active, metrics, "error");
    active.emit({ kind: "failed", cause: "kv_load" });
    this.wake();
  }

  #abort(active: ActiveRequest): void {
    if (active.phase === "done") return;
    this.#connector?.dropped(active.request);
    this.#forget(active);
  }

  /** Out of every line. Blocks of a request that is still loading stay until its load ends, as in vLLM. */
  #forget(active: ActiveRequest): void {
    const wasLoading = active.phase === "loading";
    active.phase = "done";
    this.#waiting = this.#waiting.filter((other) => other !== active);
    this.#running = this.#running.filter((other) => other !== active);
    this.#loading.delete(active);
    if (wasLoading) return this.showCounts();
    const blocks = active.blocks;
    active.blocks = [];
    this.release(blocks);
  }

  #requeuePreempted(): void {
    const preempted = this.#running.filter((active) => active.phase === "waiting");
    if (preempted.length === 0) return;
    this.#running = this.#running.filter((active) => active.phase !== "waiting");
    this.#waiting.unshift(...preempted);
  }
}

const plainFinish = {
  reason: "abort",
  stopReason: null,
  kvParams: null,
  cacheWriteTokens: 0,
  promptAttention: [],
} as const;
