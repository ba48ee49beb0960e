// The own HTTP/1.1 server: a listening socket, its connections, and how they end.

import type { Answering } from "./client_request.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import { type Deadlines, makeDeadlines } from "../deadlines.ts";
import { type Listener, type Listening, type ListenOptions, urlHost, whyNotListening } from "./listener.ts";
import { type ServerLimits, usualServerLimits } from "./server_limits.ts";
import { listenForClients, type ListeningSocket } from "./socket.ts";

/** For plain HTTP on a host and port. */
export function listenByOwnServer(
  answering: Answering,
  { host, port, reusePort = false, maxBodyBytes, onRefused = () => {} }: ListenOptions,
  limits: Partial<ServerLimits> = {},
  deadlines: Deadlines = makeDeadlines(() => performance.now()),
): Listening {
  const server = new OwnServer(answering, { ...usualServerLimits, maxBodyBytes, ...limits }, deadlines, onRefused);
  try {
    const socket = listenForClients({ host, port, reusePort }, (client) => server.accept(client));
    return { is: "listening", listener: server.listener(socket, host) };
  } catch (error) {
    deadlines.close();
    return whyNotListening(error);
  }
}

class OwnServer implements ConnectionOwner {
  readonly answering: Answering;
  readonly limits: ServerLimits;
  readonly deadlines: Deadlines;
  readonly refused: (status: number) => void;
  isStopping = false;
  readonly #open = new Set<Connection>();
  #stopped = Promise.withResolvers<void>();

  constructor(
    answering: Answering,
    limits: ServerLimits,
    deadlines: Deadlines,
    refused: (status: number) => void,
  ) {
    this.answering = answering;
    this.limits = limits;
    this.deadlines = deadlines;
    this.refused = refused;
  }

  accept(client: ConstructorParameters<typeof Connection>[0]): Connection {
    const connection = new Connection(client, this);
    this.#open.add(connection);
    return connection;
  }

  closed(connection: Connection): void {
    this.#open.delete(connection);
    if (this.isStopping && this.#open.size === 0) this.#end();
  }

  listener(socket: ListeningSocket, host: string): Listener {
    return {
      url: `http://${urlHost(host)}:${socket.port}`,
      port: socket.port,
      stop: (force = false) => {
        socket.stop();
        this.isStopping = true;
        for (const connection of [...this.#open]) force ? connection.close() : connection.retire();
        if (this.#open.size === 0) this.#end();
        return this.#stopped.promise;
      },
    };
  }

  #end(): void {
    this.deadlines.close();
    this.#stopped.resolve();
  }
}
