import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { disagreements, inspectAttached } from "../../supervisor/attached.ts";
import { answersOk, pauseMs } from "../../supervisor/probe.ts";

const worker = (url: string, model: string, version: string) => ({ url, version, models: [model] });

test("inspectAttached() reads version and models, with the key, over TCP and a Unix socket", async () => {
  const answer = (request: Request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/version") return Response.json({ version: "0.32.0" });
    if (request.headers.get("authorization") !== "Bearer key") {
      return Response.json({ error: "Unauthorized" }, { status: 401 });
    }
    return Response.json({ data: [{ id: "demo" }] });
  };
  const folder = mkdtempSync(join(tmpdir(), "pdserve-test-"));
  const unix = join(folder, "worker.sock");
  const [tcp, local] = [
    Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer }),
    Bun.serve({ unix, fetch: answer }),
  ];
  for (const url of [`http://127.0.0.1:${tcp.port}`, `unix:${unix}`]) {
    expect(await inspectAttached(url, "key", fetch)).toEqual({ url, version: "0.32.0", models: ["demo"] });
    expect(await inspectAttached(url, null, fetch)).toEqual({ url, version: "0.32.0", models: null });
    expect(await answersOk(url, "/version", fetch)).toBe(true);
  }
  await Promise.all([tcp.stop(true), local.stop(true)]);
  expect(await inspectAttached(`unix:${unix}`, null, fetch)).toMatchObject({ version: null, models: null });
  rmSync(folder, { recursive: true });
});

test("disagreements() names the worker that serves another model, and warns of another version", () => {
  const workers = [worker("a", "demo", "0.32.0"), worker("b", "other", "0.31.0")];
  const found = disagreements(workers);
  expect(found.map(({ what, severity }) => [severity, what])).toEqual([
    ["error", 'b serves model "other", but a "demo"'],
    ["warning", 'b serves vLLM version "0.31.0", but a "0.32.0"'],
  ]);
  expect(disagreements([worker("a", "demo", "1"), { url: "b", version: null, models: null }])).toEqual([]);
});

test("pauseMs() asks often at first and once a second in the end", () => {
  expect([0, 2_000, 3_600_000].map(pauseMs)).toEqual([50, 100, 1_000]);
});
