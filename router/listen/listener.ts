// A socket that clients connect to: where it listens, within which limits, and how it ends.

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** A path instead of host and port. */
  readonly unix?: string;
  /** Bodies above are not read; the router's own limit, which answers 413 in its own words, must be lower. */
  readonly maxBodyBytes: number;
  /** PEM texts; HTTPS instead of HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Who speaks HTTP: the own server, or the runtime's, which TLS and Unix sockets always get. */
  readonly server?: "own" | "runtime" | undefined;
  /** Called with the status of each answer that the own server gives by itself, to what is no request it takes. */
  readonly onRefused?: ((status: number) => void) | undefined;
  /** Several processes may listen on one port; the kernel spreads connections over them. */
  readonly reusePort?: boolean;
}

export interface Listener {
  readonly url: string;
  /** 0 for a Unix socket. */
  readonly port: number;
  /** No new connections; resolves when the open ones have ended. With `force`, they are closed at once. */
  stop(force?: boolean): Promise<void>;
}

export type Listening =
  | { readonly is: "listening"; readonly listener: Listener }
  | { readonly is: "taken" }
  | { readonly is: "failed"; readonly reason: string };

/** What listening threw, as a value. */
export function whyNotListening(error: unknown): Exclude<Listening, { is: "listening" }> {
  const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
  return isTaken ? { is: "taken" } : { is: "failed", reason: String((error as Error).message) };
}

/** A host that a client on this machine can use: the wildcard addresses are for listening only. */
export function urlHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
