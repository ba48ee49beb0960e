// Listens for connections of clients. The only file of the own server that names Bun.

export interface ClientSocket {
  /** How many bytes the kernel took; `drained` follows when it took fewer than given. Below 0: closed. */
  write(bytes: Uint8Array, from: number, length: number): number;
  /** No more will be written; what comes is still read. */
  shutdown(): void;
  /** Closes; what the kernel has taken is still sent. */
  end(): void;
  /** Closes at once. */
  terminate(): void;
}

/** One client's connection. */
export interface ClientEvents {
  /** The bytes may be kept and overwritten. */
  read(bytes: Uint8Array): void;
  drained(): void;
  /** Exactly once, and last; also when the client has only ended its sending side. */
  closed(): void;
}

export interface ListeningSocket {
  readonly port: number;
  /** No new connections; the open ones stay. */
  stop(): void;
}

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly reusePort: boolean;
}

interface SocketData {
  events: ClientEvents | null;
}

/** @throws what the system says when it cannot listen there. */
export function listenForClients(
  { host, port, reusePort }: Address,
  accept: (socket: ClientSocket) => ClientEvents,
): ListeningSocket {
  const socket: Bun.SocketHandler<SocketData> = {
    binaryType: "uint8array",
    open(client) {
      client.setNoDelay(true);
      client.data = { events: accept(client as unknown as ClientSocket) };
    },
    data: (client, bytes) => client.data.events?.read(bytes),
    drain: (client) => client.data.events?.drained(),
    close: ({ data }) => close(data),
    /** Also called with what a callback above threw; the connection ends, the process goes on. */
    error(client) {
      close(client.data);
      client.terminate();
    },
  };
  const where = { hostname: host, port, reusePort, socket, data: { events: null } };
  const listener = Bun.listen<SocketData>(where as Bun.TCPSocketListenOptions<SocketData>);
  return { port: listener.port, stop: () => listener.stop(false) };
}

function close(data: SocketData): void {
  const { events } = data;
  data.events = null;
  events?.closed();
}
