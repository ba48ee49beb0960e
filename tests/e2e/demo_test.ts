// What somebody sees in the first minute: the banner of `pdserve demo`, and the curl in it, pasted.

import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./plain_engine.ts";
import { binary } from "./run_pdserve.ts";

const stateDir = mkdtempSync(join(tmpdir(), "pdserve-demo-"));
let demo: ReturnType<typeof start> | null = null;

afterEach(async () => {
  demo?.kill("SIGTERM");
  await demo?.exited;
  rmSync(stateDir, { recursive: true, force: true });
});

test("the curl in the banner works as pasted", async () => {
  demo = start(await freePort());
  const banner = await untilPrinted(demo.stderr, /-d '[^']*'\n/);
  expect(banner).toContain("KV handoff verified: 4 pairs");
  expect(banner).toContain("0 tokens recomputed");

  const curl = banner.match(/curl [\s\S]*?-d '[^']*'/)?.[0] ?? "";
  const pasted = Bun.spawn(["bash", "-c", `${curl} --silent --fail`], { stdout: "pipe", stderr: "inherit" });
  const answer = JSON.parse(await new Response(pasted.stdout).text());
  expect(await pasted.exited).toBe(0);
  expect(answer.object).toBe("chat.completion");
  expect(answer.choices[0].message.content.length).toBeGreaterThan(0);
}, 30_000);

function start(port: number) {
  return Bun.spawn([binary, "demo", "--port", String(port), "--progress", "plain"], {
    env: { ...process.env, XDG_STATE_HOME: stateDir, NO_COLOR: "1" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
}

async function untilPrinted(stream: ReadableStream<Uint8Array>, wanted: RegExp): Promise<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (!wanted.test(text)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the demo ended:\n${text}`);
    text += decoder.decode(value, { stream: true });
  }
  reader.releaseLock();
  return text;
}
