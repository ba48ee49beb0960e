// A router over scripted workers: no sockets, no engine, every phase under the test's control.

import { nixl } from "../../kv/nixl.ts";
import type { Connector, Role } from "../../kv/connector.ts";
import { makeRouter, type Router, type RouterOptions } from "../../router/make_router.ts";
import { policies } from "../../router/policies/index.ts";
import { usualQuarantine } from "../../router/worker_health.ts";
import type { RouterSettings } from "../../router/router_io.ts";
import type { ResponseSink, UpstreamClient, UpstreamFailure, UpstreamRequest } from "../../router/upstream/client.ts";
import { vllm } from "../../supervisor/engines/vllm.ts";
import type { FleetSnapshot, FleetView, WorkerSnapshot } from "../../supervisor/snapshot.ts";

/** One call that reached a worker. The script, or the test itself, answers through it. */
export interface Call {
  readonly worker: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  // deno-lint-ignore no-explicit-any
  readonly json: any;
  readonly retryStaleSocket: boolean;
  aborted: boolean;
  head(status: number, headers?: Readonly<Record<string, string>>): void;
  data(text: string): void | Promise<unknown>;
  end(): void;
  fail(is: UpstreamFailure["is"], answered?: boolean): void;
  /** A complete JSON answer. */
  answer(status: number, body: unknown, headers?: Readonly<Record<string, string>>): void;
}

export type Script = (call: Call) => void;

export interface FakeFleet {
  readonly router: Router;
  /** A second router over the same workers, as a reload makes one. Whoever asks closes it. */
  anotherRouter(): Router;
  readonly calls: Call[];
  readonly log: string[];
  readonly accessLog: string[];
  /** The router's clock; limits that passed are noticed at its next tick. */
  readonly clock: { nowMs: number };
  script(worker: string, script: Script): void;
  callsTo(worker: string): Call[];
  /** Changes what the router sees of the fleet. */
  change(change: (snapshot: FleetSnapshot) => FleetSnapshot): void;
  /** Of the workers, in order. */
  urls(): string[];
  /** The `error` member of an answer. */
  errorOf(response: Response): Promise<Readonly<Record<string, unknown>>>;
  post(
    path: string,
    body: unknown,
    init?: { headers?: Record<string, string>; signal?: AbortSignal },
  ): Promise<Response>;
  metric(line: string): number | null;
}

export const replyParams = {
  do_remote_prefill: true,
  do_remote_decode: false,
  remote_block_ids: [[1, 2, 3]],
  remote_engine_id: "engine-of-prefill",
  remote_request_id: "cmpl-x-0-1234abcd",
  remote_host: "127.0.0.1",
  remote_port: 5600,
  tp_size: 1,
  transfer_mode: "pull",
};

export const prefillBody = {
  id: "cmpl-p",
  object: "text_completion",
  choices: [{ index: 0, text: "x", finish_reason: "length" }],
  usage: { prompt_tokens: 5, total_tokens: 6, completion_tokens: 1 },
  kv_transfer_params: replyParams,
};

export const decodeBody = {
  id: "cmpl-d",
  object: "text_completion",
  choices: [{ index: 0, text: "the answer", finish_reason: "stop" }],
  usage: { prompt_tokens: 5, total_tokens: 8, completion_tokens: 3 },
  kv_transfer_params: null,
};

export const events = {
  first: 'data: {"choices":[{"text":"the "}]}\n\n',
  second: 'data: {"choices":[{"text":"answer"}]}\n\n',
  done: "data: [DONE]\n\n",
};

export const eventStream = { "content-type": "text/event-stream; charset=utf-8" };

/** What vLLM does when all is well. */
const wellBehaved: Readonly<Record<string, Script>> = {
  prefill: (call) => call.answer(200, prefillBody),
  decode: (call) => {
    if (call.json?.stream !== true) return call.answer(200, decodeBody);
    call.head(200, eventStream);
    call.data(events.first);
    call.data(events.second + events.done);
    call.end();
  },
};

export interface FleetOptions {
  readonly connector?: Connector;
  readonly workers?: readonly string[];
  readonly settings?: Partial<RouterSettings>;
  readonly leaseMs?: number | null;
  readonly workerApiKey?: string | null;
  readonly onRandom?: () => void;
  readonly policies?: RouterOptions["policies"];
  /** A real client instead of the scripts. */
  readonly upstream?: UpstreamClient;
  readonly tracing?: RouterOptions["tracing"];
}

/** Whoever opens it closes its router. */
export function openFakeFleet(options: FleetOptions = {}): FakeFleet {
  const names = options.workers ?? ["prefill-0", "decode-0"];
  const scripts = new Map<string, Script>();
  const calls: Call[] = [];
  const log: string[] = [];
  const accessLog: string[] = [];
  const view = makeView({
    epoch: 1,
    workers: names.map(workerNamed),
    phase: "serving",
    workerApiKey: options.workerApiKey ?? null,
  });
  const upstream = options.upstream ?? makeUpstream((call) => {
    if (isWatch(call) && names.includes(call.worker) && !(call.path === "/metrics" && scripts.has(call.worker))) {
      return call.answer(call.path === "/health" ? 200 : 404, "");
    }
    calls.push(call);
    const script = scripts.get(call.worker) ?? wellBehaved[call.worker.replace(/-\d+$/, "")] ?? wellBehaved.decode!;
    script(call);
  });
  const connector = options.connector ?? nixl;
  const clock = { nowMs: 1_000 };
  let counter = 0;
  const newRouter = () =>
    makeRouter({
      fleet: view,
      connector,
      leaseMs: options.leaseMs === undefined ? connector.leaseMs : options.leaseMs,
      engineMetrics: vllm.metrics,
      upstream,
      policies: options.policies ?? { prefill: policies.round_robin(), decode: policies.round_robin() },
      settings: { ...defaults, ...options.settings },
      clock: { now: () => clock.nowMs, wall: () => 0 },
      random: () => {
        options.onRandom?.();
        return (++counter).toString(16).padStart(8, "0").padEnd(32, "a");
      },
      log: (level, message) => void log.push(`${level}: ${message}`),
      writeAccessLog: (lines) => void accessLog.push(lines),
      tracing: options.tracing ?? null,
    });
  const fleet: FakeFleet = {
    router: newRouter(),
    anotherRouter: newRouter,
    calls,
    log,
    accessLog,
    clock,
    script: (worker, script) => void scripts.set(worker, script),
    callsTo: (worker) => calls.filter((call) => call.worker === worker),
    change: (change) => view.replace(change(view.snapshot())),
    urls: () => view.snapshot().workers.map(({ url }) => url),
    errorOf: async (response) => (await response.json() as { error: Record<string, unknown> }).error,
    post: (path, body, init) => post(fleet.router, path, body, init),
    metric: (line) => {
      const found = fleet.router.metricsText().split("\n").find((one) => one.startsWith(`${line} `));
      return found === undefined ? null : Number(found.slice(line.length + 1));
    },
  };
  return fleet;
}

/** Resolves once the condition holds; the test's own time limit ends a wait that never does. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

export const completion = (extra: Record<string, unknown> = {}) => ({
  model: "tiny",
  prompt: "Hello",
  max_tokens: 3,
  ...extra,
});

const defaults: RouterSettings = {
  servedModelName: "tiny",
  engine: { name: "vllm", version: "0.32.0" },
  pdserveVersion: "0.1.0",
  apiKeys: [],
  adminKeys: [],
  corsOrigins: [],
  bodyTimeoutMs: 10_000,
  fallback: "none",
  maxInFlight: 100,
  maxQueue: 100,
  allowTargetWorker: false,
  maxWorkerInFlight: 100,
  maxHandoffs: 100,
  maxBodyBytes: 1024 * 1024,
  maxAttempts: 2,
  retryShare: 0.2,
  quarantine: usualQuarantine,
  stallTimeoutMs: 60_000,
  queueTimeoutMs: 30_000,
  handoffTimeoutMs: 30_000,
  prefillTimeoutMs: 10_000,
  firstTokenTimeoutMs: 20_000,
  idleTimeoutMs: 5_000,
  requestTimeoutMs: 60_000,
};

async function post(
  router: Router,
  path: string,
  body: unknown,
  init: { headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const headers = { "content-type": "application/json", ...init.headers };
  return await router.fetch(
    new Request(`http://router${path}`, { method: "POST", headers, body: text, signal: init.signal }),
  );
}

export function workerNamed(name: string): WorkerSnapshot {
  const role = name.replace(/-\d+$/, "") as Role;
  const httpPort = 8000 + [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
  const ports = { side_channel: 5600, bootstrap: 8998, kv_port: 14_579, handshake_port: 6301, notify_port: 61_005 };
  const facts = { name, role, host: "127.0.0.1", httpPort, ports, tp: 1, dp: 1, pp: 1 };
  const engineId = role === "prefill" ? "engine-of-prefill" : `engine-of-${name}`;
  return {
    facts: { ...facts, engineId, engineIdByRank: { "0": engineId } },
    url: `http://${name}`,
    state: { is: "ready" },
    generation: 1,
    pid: null,
  };
}

function makeView(first: FleetSnapshot): FleetView & { replace(next: FleetSnapshot): void } {
  let snapshot = first;
  const listeners = new Set<(snapshot: FleetSnapshot) => void>();
  return {
    snapshot: () => snapshot,
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    replace(next) {
      snapshot = next;
      for (const listener of listeners) listener(next);
    },
  };
}

/** What the router asks by itself every few seconds, which a slow test must not take for a request. */
function isWatch({ method, path }: Call): boolean {
  return method === "GET" && (path === "/health" || path === "/metrics");
}

function makeUpstream(onCall: Script): UpstreamClient {
  return {
    name: "fake",
    request(origin, request, sink) {
      const call = makeCall(origin.replace("http://", ""), request, sink);
      queueMicrotask(() => onCall(call));
      return { abort: () => void (call.aborted = true) };
    },
    stats: () => ({ open: 0, idle: 0, opened: 0, staleRetries: 0 }),
    forget: () => {},
    close: () => {},
  };
}

/** Like the real clients: no callback after an abort. */
function makeCall(worker: string, request: UpstreamRequest, sink: ResponseSink): Call {
  const text = Buffer.concat(request.body).toString();
  let isFirst = true;
  const call: Call = {
    worker,
    method: request.method,
    path: request.path,
    headers: Object.fromEntries(request.headers),
    text,
    json: parsed(text),
    retryStaleSocket: request.retryStaleSocket,
    aborted: false,
    head(status, headers = { "content-type": "application/json" }) {
      const entries = Object.entries(headers);
      if (!call.aborted) sink.head({ status, header: (name) => headers[name] ?? null, entries: () => entries });
    },
    data(chunk) {
      if (call.aborted) return;
      // As on a socket: a Buffer that is overwritten as soon as the sink has returned. Only the first one, because a
      // stream that is read in this process, unlike one on a socket, keeps what is written to it.
      const bytes = Buffer.from(chunk);
      const taken = sink.data(bytes);
      if (isFirst) bytes.fill(0);
      isFirst = false;
      return taken;
    },
    end() {
      if (!call.aborted) sink.end();
    },
    fail(is, answered = false) {
      if (!call.aborted) sink.fail({ is, message: `scripted ${is}`, answered });
    },
    answer(status, body, headers = {}) {
      call.head(status, { "content-type": "application/json", ...headers });
      call.data(typeof body === "string" ? body : JSON.stringify(body));
      call.end();
    },
  };
  return call;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
