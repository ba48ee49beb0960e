// A router between real sockets: a listener for clients, and workers that do on the wire what a fault says.

import type { Connector } from "../../../kv/connector.ts";
import type { RouterSettings } from "../../../router/router_io.ts";
import { type Listener, serve } from "../../../router/serve.ts";
import { createRawClient } from "../../../router/upstream/raw_client.ts";
import type { UpstreamClient } from "../../../router/upstream/client.ts";
import { type ReceivedRequest, startWorker, type WorkerConnection } from "../../conformance/scripted_worker.ts";
import { type FakeFleet, openFakeFleet, replyParams, until } from "../open_fleet.ts";

export interface WorkerCall {
  readonly worker: string;
  readonly id: string;
  readonly head: string;
  // deno-lint-ignore no-explicit-any
  readonly json: any;
  readonly connection: WorkerConnection;
  answer(status: number, body: unknown): void;
  /** The parts of a good stream: status line, one token, the end. */
  beginStream(): void;
  token(text: string): void;
  endStream(): void;
}

export type Behaviour = (call: WorkerCall, stage: Stage) => unknown;

export interface Stage {
  readonly fleet: FakeFleet;
  readonly connector: Connector;
  readonly url: string;
  readonly calls: WorkerCall[];
  /** Ids of prefill requests that were answered in full; decode waits for them where both legs run at once. */
  readonly prefilled: Set<string>;
  readonly dead: Set<string>;
  behave(worker: string, behaviour: Behaviour): void;
  callsTo(role: string): WorkerCall[];
  /** The process is gone: no listener, no connection. */
  kill(worker: string): Promise<void>;
  /** Prefill answers that reached the router whole. */
  replies: number;
  /** The client has the status line. */
  hasAnswered: boolean;
  /** Called when the head of an answer, or its end, is about to reach the router. */
  onAnswer: (worker: string, part: "head" | "end") => void;
  /** Connections that workers have open now. */
  openConnections(): number;
  close(): Promise<void>;
}

export const limits = {
  prefillTimeoutMs: 100_000,
  firstTokenTimeoutMs: 200_000,
  idleTimeoutMs: 50_000,
  requestTimeoutMs: 1_000_000,
} as const;

export async function openStage(
  connector: Connector,
  workers: readonly string[],
  settings: Partial<RouterSettings> = {},
  server: "own" | "runtime" = "own",
): Promise<Stage> {
  const behaviours = new Map<string, Behaviour>();
  const open = new Set<WorkerConnection>();
  const host = nextAddress();
  const servers = new Map<string, Awaited<ReturnType<typeof startWorker>>>();
  const stage: Omit<Stage, "fleet" | "url"> & { fleet?: FakeFleet; url?: string } = {
    connector,
    calls: [],
    prefilled: new Set(),
    dead: new Set(),
    behave: (worker, behaviour) => void behaviours.set(worker, behaviour),
    callsTo: (role) => stage.calls.filter(({ worker }) => worker.startsWith(role)),
    async kill(worker) {
      stage.dead.add(worker);
      await servers.get(worker)?.close();
    },
    replies: 0,
    hasAnswered: false,
    onAnswer: () => {},
    openConnections: () => open.size,
    async close() {
      stage.fleet!.router.close();
      await listener.stop(true);
      for (const server of servers.values()) await server.close();
    },
  };
  for (const name of workers) {
    const good = name.startsWith("prefill") ? goodPrefill : goodDecode;
    const server = await startWorker(async (connection) => {
      open.add(connection);
      void connection.closed.then(() => open.delete(connection));
      for (let request = await connection.readRequest(); request; request = await connection.readRequest()) {
        if (!request.head.startsWith("POST ")) {
          // The router looks after its workers: health, metrics.
          const status = request.head.startsWith("GET /health ") ? 200 : 404;
          connection.send(`HTTP/1.1 ${status} X\r\ncontent-length: 0\r\n\r\n`);
          continue;
        }
        const call = toCall(name, request, connection);
        stage.calls.push(call);
        // Not waited for: whoever does not read does not see that the router has gone either.
        void (behaviours.get(name) ?? good)(call, stage as Stage);
      }
    }, { host });
    servers.set(name, server);
  }
  const urlOf = (name: string) => servers.get(name)!.origin;
  const upstream = watched(createRawClient(), (origin, part) => {
    const worker = workers.find((name) => urlOf(name) === origin);
    if (worker === undefined) return;
    if (worker.startsWith("prefill") && part === "end") stage.replies++;
    stage.onAnswer(worker, part);
  });
  const fleet = openFakeFleet({ connector, workers, upstream, settings: { ...limits, ...settings } });
  fleet.change((snapshot) => ({
    ...snapshot,
    workers: snapshot.workers.map((worker) => ({ ...worker, url: urlOf(worker.facts.name) })),
  }));
  const listener = listen(fleet, server);
  stage.fleet = fleet;
  stage.url = listener.url;
  return stage as Stage;
}

let stages = 0;

/** A loopback address for each stage: on a shared one, a port that a dead worker left may be another stage's next. */
function nextAddress(): string {
  stages++;
  return `127.1.${stages >> 8}.${1 + stages % 250}`;
}

/** One token and nothing else; where the connector's decode needs a reply, one of its own for each request. */
export function goodPrefill(call: WorkerCall, stage: Stage): void {
  const echoes = stage.connector.shape === "params-echo";
  const params = { ...replyParams, remote_request_id: `made-for-${call.id}` };
  stage.prefilled.add(call.id);
  call.answer(200, {
    choices: [{ index: 0, text: "x", finish_reason: "length" }],
    kv_transfer_params: echoes ? params : null,
  });
}

/** Three tokens, once the KV is there; a failed load where its maker is dead and did not hand it over in time. */
export async function goodDecode(call: WorkerCall, stage: Stage): Promise<void> {
  const isConcurrent = stage.connector.legs === "concurrent";
  if (isConcurrent) await until(() => stage.prefilled.has(call.id) || call.connection.socket.destroyed);
  const needsPrefill = isConcurrent || stage.connector.shape === "params-echo";
  const maker = stage.callsTo("prefill").findLast(({ id }) => id === call.id)?.worker ?? "";
  if (needsPrefill && stage.dead.has(maker)) return isConcurrent ? undefined : failedLoad(call);
  if (call.json.stream !== true) return call.answer(200, { choices: [{ index: 0, text: "1 2 3 " }] });
  call.beginStream();
  for (const text of ["1 ", "2 ", "3 "]) call.token(text);
  call.endStream();
}

/** As vLLM tells it: 500, or an error as the first event of a stream whose status line is already sent. */
function failedLoad(call: WorkerCall): void {
  const error = { error: { message: "Internal server error", type: "InternalServerError", param: null, code: 500 } };
  if (call.json.stream !== true) return call.answer(500, error);
  call.beginStream();
  call.connection.send(chunk(`data: ${JSON.stringify(error)}\n\n`));
  call.endStream();
}

function toCall(worker: string, request: ReceivedRequest, connection: WorkerConnection): WorkerCall {
  return {
    worker,
    id: /^x-request-id: (.+)$/im.exec(request.head)?.[1] ?? "",
    head: request.head,
    json: parsed(request.body.toString()),
    connection,
    answer(status, body) {
      const text = JSON.stringify(body);
      const head = `HTTP/1.1 ${status} X\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n`;
      connection.send(head + text);
    },
    beginStream: () =>
      connection.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"),
    token: (text) => connection.send(chunk(`data: ${JSON.stringify({ choices: [{ text }] })}\n\n`)),
    endStream: () => connection.send(`${chunk("data: [DONE]\n\n")}0\r\n\r\n`),
  };
}

/** Hostile bodies may be no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

function watched(client: UpstreamClient, onAnswer: (origin: string, part: "head" | "end") => void): UpstreamClient {
  return {
    ...client,
    request: (origin, request, sink) =>
      client.request(origin, request, {
        head(head) {
          sink.head(head);
          onAnswer(origin, "head");
        },
        data: (bytes) => sink.data(bytes),
        end() {
          sink.end();
          onAnswer(origin, "end");
        },
        fail: (failure) => sink.fail(failure),
      }),
  };
}

function listen(fleet: FakeFleet, server: "own" | "runtime"): Listener {
  const options = { host: "127.0.0.1", port: 0, maxBodyBytes: 1024 * 1024, server, onRefused: fleet.router.refused };
  const listening = serve(fleet.router.answer, options);
  if (listening.is !== "listening") throw new Error(`no listener: ${listening.is}`);
  return listening.listener;
}
