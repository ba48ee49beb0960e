// A stand-in worker whose manners a probe sets, and that can die and come back under its port.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";

export interface WorkerRequest {
  /** Of a body that is no JSON: nothing. */
  readonly json: { readonly stream?: unknown };
  readonly text: string;
  readonly response: ServerResponse;
  /** Resolves when the router has closed the connection before the answer was complete. */
  readonly left: Promise<void>;
}

export type Manners = (request: WorkerRequest) => unknown;

export interface TroubleWorker {
  readonly port: number;
  /** Since the manners were set. */
  readonly requests: WorkerRequest[];
  /** Answers that are not complete. */
  open(): number;
  behave(manners: Manners): void;
  die(): Promise<void>;
  comeBack(): Promise<void>;
}

export async function startTroubleWorker(usual: Manners): Promise<TroubleWorker> {
  let manners = usual;
  let server: Server;
  let port = 0;
  const open = new Set<ServerResponse>();
  const listen = async () => {
    server = createServer((request, response) => void serve(request, response));
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
  };
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.method !== "POST") return void response.writeHead(request.url === "/health" ? 200 : 404).end();
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const text = Buffer.concat(pieces).toString();
    open.add(response);
    const left = new Promise<void>((resolve) =>
      response.on("close", () => {
        open.delete(response);
        if (!response.writableFinished) resolve();
      })
    );
    const asked = { json: parsed(text), text, response, left };
    worker.requests.push(asked);
    await manners(asked);
  };
  const worker: TroubleWorker = {
    get port() {
      return port;
    },
    requests: [],
    open: () => open.size,
    behave(next) {
      manners = next;
      worker.requests.length = 0;
    },
    async die() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
    comeBack: listen,
  };
  await listen();
  return worker;
}

function parsed(text: string): WorkerRequest["json"] {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

export function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

let replies = 0;

export const goodPrefill: Manners = ({ response }) =>
  answer(response, 200, {
    choices: [{ index: 0, text: "x", finish_reason: "length" }],
    kv_transfer_params: {
      ...{ do_remote_prefill: true, do_remote_decode: false, remote_block_ids: [[1]], remote_engine_id: "p" },
      ...{ remote_request_id: `r${++replies}`, remote_host: "127.0.0.1", remote_port: 5_600, tp_size: 1 },
    },
  });

export const goodDecode: Manners = ({ json, response }) => {
  if (json.stream !== true) return answer(response, 200, { choices: [{ index: 0, text: "the answer" }] });
  beginStream(response);
  for (const text of ["the ", "answer"]) response.write(token(text));
  response.end("data: [DONE]\n\n");
};

export function beginStream(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
}

export function token(text: string): string {
  return `data: ${JSON.stringify({ choices: [{ index: 0, text }] })}\n\n`;
}
