// Opens a socket to a worker. The only file of the clients that names Bun.

import { rootCertificates } from "node:tls";
import type { Target } from "./origin.ts";

export interface RawSocket {
  /** How many bytes the kernel took; `writable` follows when it took fewer than given. Below 0: closed. */
  write(bytes: Uint8Array): number;
  /** No reads until `resume`; one that is already under way may still come. */
  pause(): void;
  resume(): void;
  /** Closes at once; what was not sent yet is lost. */
  terminate(): void;
}

export interface SocketEvents {
  /** Connected, and with TLS the worker's certificate is good. At most once, and first. */
  opened(socket: RawSocket): void;
  /** The bytes may be kept and overwritten. */
  read(bytes: Uint8Array): void;
  writable(): void;
  /** Exactly once, and last; also when the socket never opened. `error` is null when the worker ended in order. */
  closed(error: string | null): void;
}

export type OpenSocket = (target: Target, ca: string | null, events: SocketEvents) => void;

interface SocketData {
  readonly events: SocketEvents;
  readonly tls: boolean;
  isClosed: boolean;
}

export const openSocket: OpenSocket = (target, ca, events) => {
  const tls = target.is === "tcp" && target.tls;
  const data: SocketData = { events, tls, isClosed: false };
  const address = target.is === "unix" ? { unix: target.path } : { hostname: target.host, port: target.port };
  // `serverName` is always there: Bun takes an empty `tls` object for no TLS at all.
  const secure = target.is === "tcp" && tls ? { tls: { serverName: target.host, ca: trusted(ca) } } : {};
  Bun.connect<SocketData>({ ...address, ...secure, data, socket: handlers } as Bun.TCPSocketConnectOptions<SocketData>)
    .catch((error: Error) => close(data, error.message));
};

const handlers: Bun.SocketHandler<SocketData> = {
  binaryType: "uint8array",
  open(socket) {
    socket.setNoDelay(true);
    if (!socket.data.tls) socket.data.events.opened(socket);
  },
  handshake(socket, isTrusted, error) {
    if (isTrusted) return socket.data.events.opened(socket);
    close(socket.data, `TLS: ${error?.message ?? "the handshake failed"}`);
    socket.terminate();
  },
  data(socket, bytes) {
    socket.data.events.read(bytes);
  },
  drain(socket) {
    socket.data.events.writable();
  },
  close(socket, error) {
    close(socket.data, error === undefined ? null : error.message);
  },
  /** Also called with what a callback above threw; the request fails, the process goes on. */
  error(socket, error) {
    close(socket.data, error.message);
    socket.terminate();
  },
};

function close(data: SocketData, error: string | null): void {
  if (data.isClosed) return;
  data.isClosed = true;
  data.events.closed(error);
}

/** Naming an authority replaces Bun's own list, so that list is named with it. */
function trusted(ca: string | null): string[] | undefined {
  return ca === null ? undefined : [ca, ...rootCertificates];
}
