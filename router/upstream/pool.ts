// Kept-alive connections by worker: the one that rested least is used first, so that the others can run out.

import type { Origin } from "./client.ts";
import { Connection, type Exchange } from "./connection.ts";
import { HeadMemory } from "./head_memory.ts";
import { parseOrigin, type Target } from "./origin.ts";
import type { OpenSocket } from "./socket.ts";
import type { UpstreamOptions } from "./upstream_options.ts";

/** The connections to one worker, as far as they are idle. */
export interface Bucket {
  readonly target: Target;
  /** In the order they became idle. */
  readonly idle: Connection[];
  readonly heads: HeadMemory;
  /** Connections that come back to a retired bucket are closed: the worker has left or restarted. */
  isRetired: boolean;
}

export class Pool {
  readonly #options: UpstreamOptions;
  readonly #openSocket: OpenSocket;
  readonly #nowMs: () => number;
  readonly #buckets = new Map<Origin, Bucket>();
  #sweepTimer: NodeJS.Timeout | null = null;
  #isClosed = false;
  open = 0;
  opened = 0;

  constructor(options: UpstreamOptions, openSocket: OpenSocket, nowMs: () => number) {
    this.#options = options;
    this.#openSocket = openSocket;
    this.#nowMs = nowMs;
  }

  get idle(): number {
    return this.#buckets.values().reduce((sum, { idle }) => sum + idle.length, 0);
  }

  /** @throws TypeError for an origin that names no worker. */
  bucket(origin: Origin): Bucket {
    const known = this.#buckets.get(origin);
    if (known !== undefined) return known;
    const target = parseOrigin(origin);
    if (target === null) throw new TypeError(`not an origin: ${JSON.stringify(origin)}`);
    const bucket: Bucket = { target, idle: [], heads: new HeadMemory(), isRetired: this.#isClosed };
    this.#buckets.set(origin, bucket);
    return bucket;
  }

  /** Sends on the freshest idle connection, else on a new one. */
  send(bucket: Bucket, exchange: Exchange): Connection {
    const connection = bucket.idle.pop();
    if (connection === undefined) return this.sendOnNew(bucket, exchange);
    if (this.#isExpired(connection)) {
      this.#closeAll([connection, ...bucket.idle.splice(0)]);
      return this.sendOnNew(bucket, exchange);
    }
    connection.send(exchange);
    return connection;
  }

  sendOnNew(bucket: Bucket, exchange: Exchange): Connection {
    const connection = new Connection(this.#ownerFor(bucket), exchange, this.#options, bucket.heads, this.#nowMs);
    this.#openSocket(bucket.target, this.#options.ca, connection);
    return connection;
  }

  /** Idle connections to this worker close now, busy ones when they have served their request. */
  forget(origin: Origin): void {
    const bucket = this.#buckets.get(origin);
    if (bucket === undefined) return;
    this.#buckets.delete(origin);
    bucket.isRetired = true;
    this.#closeAll(bucket.idle.splice(0));
  }

  close(): void {
    this.#isClosed = true;
    for (const origin of [...this.#buckets.keys()]) this.forget(origin);
    if (this.#sweepTimer !== null) clearTimeout(this.#sweepTimer);
  }

  #ownerFor(
    bucket: Bucket,
  ): { opened(): void; free(c: Connection): void; closed(c: Connection, wasOpen: boolean): void } {
    return {
      opened: () => {
        this.open++;
        this.opened++;
      },
      free: (connection) => {
        if (bucket.isRetired) return connection.close();
        bucket.idle.push(connection);
        this.#sweepLater();
      },
      closed: (connection, wasOpen) => {
        if (wasOpen) this.open--;
        const at = bucket.idle.lastIndexOf(connection);
        if (at >= 0) bucket.idle.splice(at, 1);
      },
    };
  }

  #isExpired(connection: Connection): boolean {
    return this.#nowMs() - (connection.idleSinceMs ?? 0) >= this.#options.idleMs;
  }

  /** Closes what nobody asked for in time, so that an hour of rest leaves no socket open. */
  #sweepLater(): void {
    this.#sweepTimer ??= setTimeout(() => this.#sweep(), this.#options.idleMs).unref();
  }

  #sweep(): void {
    this.#sweepTimer = null;
    for (const { idle } of this.#buckets.values()) {
      const fresh = idle.findIndex((connection) => !this.#isExpired(connection));
      this.#closeAll(idle.splice(0, fresh < 0 ? idle.length : fresh));
    }
    if (this.idle > 0) this.#sweepLater();
  }

  #closeAll(connections: readonly Connection[]): void {
    for (const connection of connections) connection.close();
  }
}
