// A client that sends what it is told, byte by byte if need be, and keeps what comes.

import { onTestFinished } from "bun:test";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { until } from "../open_fleet.ts";

export interface Dialled {
  readonly socket: Socket;
  /** All that came so far, as latin1. */
  text(): string;
  /** Resolves when sent. */
  send(text: string | Uint8Array): Promise<void>;
  /** All that came, once it holds this. */
  untilHas(part: string): Promise<string>;
  /** All that came, once the server has closed. */
  untilClosed(): Promise<string>;
}

export async function dial(port: number, host = "127.0.0.1"): Promise<Dialled> {
  const socket = connect({ port, host, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  let text = "";
  let isClosed = false;
  socket.on("data", (chunk) => text += chunk.toString("latin1"));
  socket.on("error", () => {});
  socket.on("end", () => isClosed = true);
  socket.on("close", () => isClosed = true);
  await once(socket, "connect");
  const send = (bytes: string | Uint8Array) =>
    new Promise<void>((resolve) =>
      socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes, () => resolve())
    );
  return {
    socket,
    text: () => text,
    send,
    async untilHas(part) {
      await until(() => text.includes(part) || isClosed);
      return text;
    },
    async untilClosed() {
      await until(() => isClosed);
      return text;
    },
  };
}

/** Bodies of the answers in `text`, by content-length or chunks, with their status. */
export function answersIn(
  text: string,
): readonly { readonly status: number; readonly head: string; readonly body: string }[] {
  const answers = [];
  for (let rest = text; rest !== "";) {
    const end = rest.indexOf("\r\n\r\n") + 4;
    const head = rest.slice(0, end);
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
    const isChunked = /\r\ntransfer-encoding: chunked/i.test(head);
    const [body, next] = isChunked
      ? unchunk(rest, end)
      : [rest.slice(end, end + Number(length ?? 0)), end + Number(length ?? 0)];
    answers.push({ status, head, body });
    rest = rest.slice(next);
  }
  return answers;
}

function unchunk(text: string, from: number): [body: string, next: number] {
  let body = "";
  for (let at = from;;) {
    const lineEnd = text.indexOf("\r\n", at);
    const size = parseInt(text.slice(at, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error(`no chunk size at ${at}: ${JSON.stringify(text.slice(at, at + 20))}`);
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
    if (size === 0) return [body, at];
  }
}
