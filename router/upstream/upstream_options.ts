// The limits of a client towards workers.

export interface UpstreamOptions {
  readonly connectTimeoutMs: number;
  /** How long a kept-alive socket may rest. Below the worker's own limit, or requests meet sockets that it just closed. */
  readonly idleMs: number;
  /** Longest head of an answer. */
  readonly maxHeadBytes: number;
  /** PEM of a certificate authority to trust besides the system's, for `https://` workers. */
  readonly ca: string | null;
}

export const defaultUpstreamOptions: UpstreamOptions = {
  connectTimeoutMs: 5_000,
  // uvicorn, in front of vLLM and SGLang, closes after 5 s.
  idleMs: 4_000,
  maxHeadBytes: 65_536,
  ca: null,
};
