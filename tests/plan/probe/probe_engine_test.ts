import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { probeEngine } from "../../../plan/probe/probe_engine.ts";
import { runCommand } from "../../../plan/probe/run_command.ts";
import { engines } from "../../../supervisor/engines/index.ts";

const folder = mkdtempSync(join(tmpdir(), "pdserve-engine-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A `vllm` script in a folder of its own, with the first line given. */
function script(name: string, head: string, body: string): string {
  const bin = join(folder, name);
  mkdirSync(bin);
  writeFileSync(join(bin, "vllm"), `${head}\n${body}\n`);
  chmodSync(join(bin, "vllm"), 0o755);
  return bin;
}

const question = { engine: engines.vllm, command: [], modules: ["json", "pdserve_no_such_module"] };

describe("probeEngine()", () => {
  test("asks the engine's command where its Python cannot be told", async () => {
    const bin = script("shell", "#!/bin/sh", 'test "$1" = --version && echo 0.31.1');
    expect(
      await probeEngine({ ...question, command: [join(bin, "vllm")] }, "", (command, limitMs) =>
        // No interpreter lies beside this script: the guess fails as it would on a real box.
        runCommand(command[0]?.endsWith("python") ? [join(bin, "vllm"), "--version"] : command, limitMs)),
    )
      .toEqual({ name: "vllm", version: "0.31.1", imports: {}, device: null });
  });

  test.skipIf(Bun.which("python3") === null)(
    "looks for modules in the Python that the script on PATH runs in",
    async () => {
      const python = Bun.which("python3");
      const site = join(folder, "site");
      mkdirSync(join(site, "vllm-0.32.0.dist-info"), { recursive: true });
      writeFileSync(
        join(site, "vllm-0.32.0.dist-info/METADATA"),
        "Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0\n",
      );
      const bin = script("python", `#!${python}`, "raise SystemExit('the engine itself must not start')");
      const run: typeof runCommand = (command, limitMs) =>
        runCommand(["env", `PYTHONPATH=${site}`, ...command], limitMs);
      const found = await probeEngine(question, `/nowhere:${bin}`, run);
      expect(found).toMatchObject({ name: "vllm", version: "0.32.0", imports: { pdserve_no_such_module: null } });
      expect(found?.imports.json).toBeString();
    },
  );

  test("finds nothing where the command is missing, fails, or takes too long", async () => {
    expect(await probeEngine(question, folder, runCommand)).toBeNull();
    expect(await probeEngine(question, "", () => Promise.resolve({ is: "too-slow" }))).toBeNull();
    const broken = { is: "ended", code: 1, stdout: "1.2.3", stderr: "ImportError" } as const;
    expect(await probeEngine(question, "", () => Promise.resolve(broken))).toBeNull();
  });

  test("starts nothing for the simulator", async () => {
    expect(await probeEngine({ ...question, engine: engines.sim }, "", () => Promise.reject(new Error("ran"))))
      .toBeNull();
  });
});
