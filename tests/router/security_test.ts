// Who may call, from where, and how long they may take.

import { afterEach, expect, test } from "bun:test";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type Listener, serve } from "../../router/serve.ts";
import { completion, makeFakeFleet, until } from "./fake_fleet.ts";

const pem = (name: string) => readFileSync(join(import.meta.dir, `../fixtures/tls/${name}`), "utf8");
const open: Listener[] = [];
afterEach(async () => {
  for (const listener of open.splice(0)) await listener.stop(true);
});

function listen(fleet: ReturnType<typeof makeFakeFleet>, tls?: { cert: string; key: string }): Listener {
  const options = { host: "127.0.0.1", port: 0, maxBodyBytes: 1024, ...(tls && { tls }) };
  const listening = serve(fleet.router.answer, options);
  if (listening.is !== "listening") throw new Error(listening.is);
  open.push(listening.listener);
  return listening.listener;
}

test("each of several keys opens the API, in either header; anything else does not", async () => {
  const fleet = makeFakeFleet({ settings: { apiKeys: ["first", "second"] } });
  const status = async (headers: Record<string, string>) =>
    (await fleet.post("/v1/completions", completion(), { headers })).status;
  expect(await status({ authorization: "Bearer first" })).toBe(200);
  expect(await status({ authorization: "Bearer second" })).toBe(200);
  expect(await status({ "x-api-key": "second" })).toBe(200);
  for (const wrong of ["", "firs", "first ,second", "third"]) expect(await status({ "x-api-key": wrong })).toBe(401);
  expect(await status({})).toBe(401);
});

test("no client's key reaches a worker when the router asks for keys", async () => {
  const fleet = makeFakeFleet({ settings: { apiKeys: ["first"] } });
  await fleet.post("/v1/completions", completion(), { headers: { authorization: "Bearer first" } });
  for (const call of fleet.calls) expect(call.headers).not.toHaveProperty("authorization");
});

test("a page of another origin gets no leave to read answers, unless its origin is allowed", async () => {
  const from = (origin: string, settings = {}) =>
    makeFakeFleet({ settings }).post("/v1/completions", completion(), { headers: { origin } });
  expect((await from("http://evil.example")).headers.get("access-control-allow-origin")).toBeNull();
  const settings = { corsOrigins: ["http://good.example"] };
  expect((await from("http://good.example", settings)).headers.get("access-control-allow-origin")).toBe(
    "http://good.example",
  );
  expect((await from("http://evil.example", settings)).headers.get("access-control-allow-origin")).toBeNull();
});

test("a body that does not come whole in time is answered 408, and its connection ends", async () => {
  const fleet = makeFakeFleet();
  const { port } = listen(fleet);
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk) => text += chunk.toString());
  socket.on("error", () => {});
  socket.write("POST /v1/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{");
  await until(() => {
    fleet.clock.nowMs += 10_001;
    return text !== "";
  });
  expect(text).toStartWith("HTTP/1.1 408");
  expect(text).toContain("--body-timeout");
  if (!socket.destroyed) await once(socket, "close");
});

test("with a certificate the listener speaks HTTPS, and says so in its URL", async () => {
  const { url } = listen(makeFakeFleet(), { cert: pem("localhost_cert.pem"), key: pem("localhost_key.pem") });
  expect(url).toStartWith("https://");
  const response = await fetch(`${url}/health`, { tls: { rejectUnauthorized: false } });
  expect(response.status).toBe(200);
});
