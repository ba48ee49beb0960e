// Which headers travel: from the client to a worker, and from a worker back to the client.

import type { ClientRequest } from "./listen/client_request.ts";
import type { ResponseHead } from "./upstream/client.ts";

export type HeaderList = (readonly [name: string, value: string])[];

/** Hop-by-hop (RFC 9110 §7.6.1), written by the upstream client, or decided by the router. */
const notForWorkers = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "host",
  "content-length",
  "expect",
  "accept-encoding",
  "x-request-id",
  // Pins the data parallel rank inside an engine: which one holds the KV is between router and connector.
  "x-data-parallel-rank",
  // Make llm-d's sidecar call the addresses they hold.
  "x-prefiller-host-port",
  "x-prefiller-url",
  "x-encoder-hosts-ports",
  "x-kv-cache-source-host-port",
]);

/** A worker's answer is described by these; all else (`server`, `date`, its own ids) stays inside. */
const forClients = ["content-type", "cache-control", "retry-after", "www-authenticate", "allow"] as const;

/** `worker`: the key every worker wants; `router`: the key clients show the router. Null: none. */
export interface Keys {
  readonly worker: string | null;
  readonly router: string | null;
}

/**
 * The client's headers as both legs send them, without the request id, which differs by attempt.
 * With a key of the run, workers get that one and never see the client's; without, the client's own goes through,
 * unless it is the router's.
 */
export function headersForWorkers(
  client: ClientRequest,
  keys: Keys,
): HeaderList {
  const list: HeaderList = [["accept-encoding", "identity"]];
  const nominated = client.header("connection");
  const hidesKeys = keys.worker !== null || keys.router !== null;
  for (const field of client.fields) {
    const [name] = field;
    if (notForWorkers.has(name) || name.startsWith("x-pdserve-")) continue;
    if (hidesKeys && (name === "authorization" || name === "x-api-key")) continue;
    if (nominated !== null && names(nominated, name)) continue;
    list.push(field);
  }
  if (keys.worker !== null) list.push(["authorization", `Bearer ${keys.worker}`]);
  return list;
}

/** One leg's headers: the shared ones, the attempt's id, and what the connector adds or replaces. */
export function headersOfLeg(
  shared: HeaderList,
  attemptId: string,
  added: Readonly<Record<string, string>>,
): HeaderList {
  const own = Object.entries(added);
  if (own.length === 0) return [...shared, ["x-request-id", attemptId]];
  const replaced = new Set(own.map(([name]) => name.toLowerCase()));
  const list = shared.filter(([name]) => !replaced.has(name));
  if (!replaced.has("x-request-id")) list.push(["x-request-id", attemptId]);
  for (const [name, value] of own) list.push([name.toLowerCase(), value]);
  return list;
}

export function headersForClient(head: ResponseHead): HeaderList {
  const list: HeaderList = [];
  for (const name of forClients) {
    const value = head.header(name);
    if (value !== null) list.push([name, value]);
  }
  return list;
}

function names(connection: string, header: string): boolean {
  return connection.toLowerCase().split(",").some((token) => token.trim() === header);
}
