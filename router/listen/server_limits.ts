// What the own server grants a client.

export interface ServerLimits {
  readonly maxHeadBytes: number;
  readonly maxBodyBytes: number;
  /** What a client may send ahead while its request is being served; more, and the connection ends with the answer. */
  readonly maxAheadBytes: number;
  /** How long a connection is kept without a request. Above what proxies keep theirs, so that they close first. */
  readonly idleMs: number;
  /** From the first byte of a head to its last. */
  readonly headMs: number;
  /** How long a client may take nothing of an answer that is complete. */
  readonly sendMs: number;
  /** How long a client is listened to that is still sending although it has been refused. */
  readonly lingerMs: number;
}

export const usualServerLimits: Omit<ServerLimits, "maxBodyBytes"> = {
  maxHeadBytes: 16 * 1024,
  maxAheadBytes: 64 * 1024,
  idleMs: 120_000,
  headMs: 10_000,
  sendMs: 60_000,
  lingerMs: 2_000,
};
