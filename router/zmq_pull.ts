// A ZeroMQ PULL socket, as much of it as messages on loopback need: the NULL mechanism, whole messages of one frame.
// Source: ZMTP 3.1 (rfc.zeromq.org/spec/37).

import { createServer, type Server, type Socket } from "node:net";

const GREETING_BYTES = 64;
/** More than any message that is expected here. */
const MOST_FRAME_BYTES = 65_536;

/** Bits of a frame's first byte. */
const LONG = 2;
const COMMAND = 4;

export interface PullSocket {
  /** Null once it listens; else why it cannot. */
  readonly listening: Promise<string | null>;
  close(): void;
}

export function openPullSocket(host: string, port: number, heard: (message: Buffer) => void): PullSocket {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.write(Buffer.concat([greeting(), readyCommand()]));
    followMessages(socket, heard);
  });
  const listening = new Promise<string | null>((resolve) => {
    server.once("error", (error) => resolve(error.message));
    server.listen({ host, port }, () => resolve(null));
  });
  server.unref();
  return {
    listening,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function followMessages(socket: Socket, heard: (message: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  let isGreeted = false;
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    if (!isGreeted) {
      if (rest.length < GREETING_BYTES) return;
      // A peer of ZMTP 2 or something else altogether: 0xFF …, then a version of at least 3.
      if (rest[0] !== 0xff || (rest[10] ?? 0) < 3) return void socket.destroy();
      rest = rest.subarray(GREETING_BYTES);
      isGreeted = true;
    }
    const frames = readFrames(rest);
    if (frames === null) return void socket.destroy();
    rest = frames.rest;
    frames.messages.forEach(heard);
  });
}

/** Null for a frame that is too long. */
function readFrames(bytes: Buffer): { readonly messages: readonly Buffer[]; readonly rest: Buffer } | null {
  const messages: Buffer[] = [];
  let at = 0;
  while (bytes.length >= at + 2) {
    const flags = bytes[at] ?? 0;
    const headBytes = flags & LONG ? 9 : 2;
    if (bytes.length < at + headBytes) break;
    const size = flags & LONG ? Number(bytes.readBigUInt64BE(at + 1)) : bytes[at + 1] ?? 0;
    if (size > MOST_FRAME_BYTES) return null;
    const end = at + headBytes + size;
    if (bytes.length < end) break;
    if (!(flags & COMMAND)) messages.push(bytes.subarray(at + headBytes, end));
    at = end;
  }
  return { messages, rest: bytes.subarray(at) };
}

/** Signature, version 3.0, mechanism NULL, the rest zeros. */
function greeting(): Buffer {
  const bytes = Buffer.alloc(GREETING_BYTES);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.write("NULL", 12, "latin1");
  return bytes;
}

function readyCommand(): Buffer {
  const body = Buffer.from("\x05READY\x0bSocket-Type\0\0\0\x04PULL", "latin1");
  return Buffer.concat([Buffer.from([COMMAND, body.length]), body]);
}
