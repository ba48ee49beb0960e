// A reply as bytes: uvicorn's headers, and a stream no faster than its client reads.

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { ApiServer } from "../api/api_server.ts";
import type { Faults } from "../settings/faults.ts";
import type { Reply } from "./reply.ts";

/** Resolves to the number of body bytes, when all have been handed over or the client has left. */
export async function sendReply(
  server: ApiServer,
  asked: Headers,
  reply: Reply,
  response: ServerResponse,
): Promise<number> {
  // uvicorn names no keep-alive.
  response.removeHeader("connection");
  response.removeHeader("keep-alive");
  response.setHeader("date", new Date().toUTCString());
  response.setHeader("server", "uvicorn");
  if (server.settings.switches.requestIdHeaders) {
    response.setHeader("x-request-id", asked.get("x-request-id") ?? server.randomHex(32));
  }
  if (reply.kind === "stream") return await sendStream(server, reply.frames, response);
  const body = Buffer.from(reply.body);
  response.setHeader("content-length", body.byteLength);
  if (reply.type !== null) response.setHeader("content-type", reply.type);
  response.writeHead(reply.status, { vary: "Origin", ...reply.headers });
  response.end(body);
  if (!response.destroyed) await Promise.race([once(response, "finish"), once(response, "close")]);
  return body.byteLength;
}

/** The head goes out at once, before the engine has looked at the request. */
async function sendStream(server: ApiServer, frames: AsyncIterable<string>, response: ServerResponse): Promise<number> {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", vary: "Origin" });
  response.flushHeaders();
  let bytes = 0;
  let sent = 0;
  for await (const frame of frames) {
    if (response.destroyed) return bytes;
    const flowing = response.write(frame);
    bytes += Buffer.byteLength(frame);
    sent += 1;
    const breach = breachAfter(server.settings.faults, sent);
    if (breach === "die") server.exit(0);
    if (breach === "cut") response.destroy();
    if (!flowing && !response.destroyed) await Promise.race([once(response, "drain"), once(response, "close")]);
  }
  if (!response.destroyed) response.end();
  return bytes;
}

/** `--sim-die-after-tokens`, `--sim-cut-after-tokens`: a frame counts as a token. */
function breachAfter({ dieAfterTokens, cutAfterTokens }: Faults, sent: number): "die" | "cut" | null {
  if (dieAfterTokens > 0 && sent >= dieAfterTokens) return "die";
  return cutAfterTokens > 0 && sent >= cutAfterTokens ? "cut" : null;
}
