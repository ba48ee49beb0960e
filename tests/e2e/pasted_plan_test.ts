// `pdserve plan … --output sh` pasted into a shell starts the same topology.

import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { freePort } from "./plain_engine.ts";
import { binary, runToEnd } from "./run_pdserve.ts";

let shell: ReturnType<typeof Bun.spawn> | null = null;
let folder = "";

afterEach(async () => {
  if (shell !== null) {
    process.kill(-shell.pid, "SIGKILL");
    await shell.exited;
  }
  rmSync(folder, { recursive: true, force: true });
});

test("the printed commands serve requests over the planned connector", async () => {
  const port = await freePort();
  const plan = await runToEnd([
    "plan",
    "demo model's",
    "--engine",
    "sim",
    "--pd",
    "2P2D",
    "--port",
    String(port),
    "--output",
    "sh",
  ]);
  expect(plan.exitCode).toBe(0);

  folder = mkdtempSync(join(tmpdir(), "pdserve-paste-"));
  writeFileSync(join(folder, "pasted.sh"), plan.stdout);
  shell = Bun.spawn(["bash", join(folder, "pasted.sh")], {
    cwd: folder,
    detached: true,
    env: { ...process.env, PATH: `${dirname(binary)}:${process.env["PATH"]}`, XDG_STATE_HOME: folder },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(url);
  const answer = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "demo model's", prompt: "Hello from a pasted plan", max_tokens: 4 }),
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("x-pdserve-handoff")).toBe("NixlConnector");
}, 60_000);

async function untilReady(url: string): Promise<void> {
  for (;;) {
    try {
      if ((await fetch(`${url}/ready`)).ok) return;
    } catch {
      // not listening yet
    }
    await Bun.sleep(50);
  }
}
