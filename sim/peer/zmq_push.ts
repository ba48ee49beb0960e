// One message from a ZeroMQ PUSH socket to a PULL socket: greeting, READY, one frame (ZMTP 3.0, mechanism NULL).

import { connect } from "node:net";

const GREETING_LENGTH = 64;

/** Resolves when the message is on its way; tries on, as ZeroMQ does, until somebody listens. */
export async function pushMessage(host: string, port: number, message: Uint8Array): Promise<void> {
  while (!await tryPush(host, port, message)) await new Promise((resolve) => setTimeout(resolve, 100));
}

function tryPush(host: string, port: number, message: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let received = 0;
    socket.on("error", () => resolve(false));
    socket.on("connect", () => {
      const greeting = new Uint8Array(GREETING_LENGTH);
      greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, ...Buffer.from("NULL")]);
      socket.write(greeting);
    });
    socket.on("data", (chunk: Uint8Array) => {
      const wasGreeted = received >= GREETING_LENGTH;
      received += chunk.length;
      if (wasGreeted || received < GREETING_LENGTH) return;
      const ready = Buffer.from("\x05READY\x0bSocket-Type\x00\x00\x00\x04PUSH", "latin1");
      socket.end(Buffer.concat([Uint8Array.of(4, ready.length), ready, Uint8Array.of(0, message.length), message]));
      resolve(true);
    });
    socket.on("close", () => resolve(false));
  });
}
