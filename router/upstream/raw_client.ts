// The project's own HTTP/1.1 client towards workers. Against `fetch`: no cap on requests at once or on kept sockets,
// no second thread, and every byte of an answer is seen at no extra cost.

import type { UpstreamClient } from "./client.ts";
import type { Connection, Exchange } from "./connection.ts";
import { Pool } from "./pool.ts";
import { type OpenSocket, openSocket } from "./socket.ts";
import { defaultUpstreamOptions, type UpstreamOptions } from "./upstream_options.ts";
import { writeRequest } from "./write_request.ts";

/** `request` throws a TypeError for an origin, method, path or header that cannot be written; nothing is sent then. */
export function createRawClient(
  options: Partial<UpstreamOptions> = {},
  open: OpenSocket = openSocket,
  nowMs: () => number = () => performance.now(),
): UpstreamClient {
  const pool = new Pool({ ...defaultUpstreamOptions, ...options }, open, nowMs);
  let staleRetries = 0;
  return {
    name: "raw",
    request(origin, request, sink) {
      const bucket = pool.bucket(origin);
      const exchange: Exchange = {
        method: request.method,
        pieces: writeRequest(request, bucket.target.hostHeader),
        sink,
        failed(failure) {
          if (failure.is !== "stale" || !request.retryStaleSocket) return sink.fail(failure);
          staleRetries++;
          connection = pool.sendOnNew(bucket, exchange);
        },
      };
      let connection: Connection = pool.send(bucket, exchange);
      return { abort: () => connection.abort(exchange) };
    },
    stats: () => ({ open: pool.open, idle: pool.idle, opened: pool.opened, staleRetries }),
    forget: (origin) => pool.forget(origin),
    close: () => pool.close(),
  };
}
