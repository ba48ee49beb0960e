import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CliContext } from "../../cli/context.ts";
import { runCli } from "../../cli/run_cli.ts";
import { fakeContext } from "./fake_context.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pdserve-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(line: string, changes: Partial<CliContext> & { readonly columns?: number } = {}) {
  const context = fakeContext({ cwd: folder, env: { HOME: folder }, ...changes });
  const exitCode = await runCli(line.split(" ").filter(Boolean), context);
  return { exitCode, ...context.said() };
}

describe("pdserve plan", () => {
  test("shows a table of the workers, and the router's address", async () => {
    const { exitCode, stdout, stderr } = await run("plan m --engine sim --pd 2P1D --port 18080");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(/WORKER +GPUS +PORT/);
    expect(stdout.match(/^ {2}(prefill-0|prefill-1|decode-0) /gm)).toHaveLength(3);
    expect(stdout).toContain("http://127.0.0.1:18080");
  });

  test("is what --dry-run means, from the environment too", async () => {
    expect((await run("m --engine sim --pd 1P1D --dry-run")).stdout).toContain("decode-0");
    expect((await run("m --engine sim --pd 1P1D", { env: { PDSERVE_DRY_RUN: "true" } })).stdout).toContain("decode-0");
  });

  test("as JSON holds what the contract names", async () => {
    const { stdout } = await run("plan m --engine sim --pd 1P1D -o json --api-key secret");
    const plan = JSON.parse(stdout);
    expect(plan).toMatchObject({
      schema: 1,
      plan_id: expect.any(String),
      engine: { name: "sim", version: expect.any(String) },
      connector: { name: "NixlConnector", reason: expect.any(String) },
      router: { host: "127.0.0.1", port: expect.any(Number) },
    });
    expect(plan.workers.map(({ name }: { name: string }) => name)).toEqual(["prefill-0", "decode-0"]);
    expect(stdout).not.toContain("secret");
  });

  test("as a shell script starts the workers and a router", async () => {
    const { stdout } = await run("plan m --engine sim --pd 1P1D -o sh");
    expect(stdout.match(/sim-engine/g)).toHaveLength(2);
    expect(stdout).toMatch(/--prefill \S+ .*--decode /);
  });

  test("prints what it has found on this box, for --machine on another", async () => {
    const { exitCode, stdout } = await run("plan --output machine --engine sim");
    expect(exitCode).toBe(0);
    writeFileSync(join(folder, "box.json"), stdout);
    const elsewhere = await run("plan m --engine sim --pd 1P1D --machine box.json --output json");
    expect(JSON.parse(elsewhere.stdout).workers).toHaveLength(2);
  });

  test("plans for another box than this one", async () => {
    const { exitCode, stdout, stderr } = await run(
      "plan Qwen/Qwen3-32B --machine 4xH100 --prefill-gpus 0,1 --decode-gpus 2,3",
    );
    expect(exitCode).toBe(0);
    expect(stdout).toContain("decode-1");
    expect(stderr).toContain("! Plan for vllm");
  });

  test("tells what is wrong on stderr, and in the JSON, with exit code 2", async () => {
    const table = await run("plan m --machine 4xH100 --prefill-gpus 0,1 --decode-gpus 1,2");
    expect(table).toMatchObject({ exitCode: 2, stdout: "" });
    expect(table.stderr).toMatch(/^pdserve: .*GPU 1.*\n {2}why: .*\n {2}fix: .*\n {2}where: /m);
    const json = await run("plan m --prot 3 -o json");
    expect(json.exitCode).toBe(2);
    expect(JSON.parse(json.stdout)).toMatchObject({ plan_id: null, workers: [], problems: [{ fix: "--port" }] });
  });

  test("says a missing engine with exit code 69", async () => {
    const result = await run("plan m --device cpu --pd 1P1D --engine-command no-such-program-here");
    expect(result.exitCode).toBe(69);
    expect(result.stderr).toContain("no-such-program-here");
  });

  test("tells a model path that is not there", async () => {
    const { exitCode, stderr } = await run("plan ./no/such/model --engine sim --pd 1P1D");
    expect(exitCode).toBe(2);
    expect(stderr).toContain("./no/such/model");
  });

  test("names the settings file it used", async () => {
    const cwd = join(folder, "with-file");
    mkdirSync(cwd);
    writeFileSync(join(cwd, "pdserve.yaml"), "model: m\npd: 1P2D\nengine:\n  name: sim\n");
    const { stdout } = await run("plan", { cwd });
    expect(stdout).toContain("settings pdserve.yaml");
    expect(stdout).toContain("decode-1");
  });

  test("is a demo of two and two when asked for one, whatever else is said", async () => {
    expect((await run("demo --dry-run")).stdout).toContain("2P2D");
    const { stdout } = await run("demo --dry-run --pd 1P3D -o json other-model -- --max-model-len 9");
    const plan = JSON.parse(stdout);
    expect(plan).toMatchObject({ model: "other-model", engine: { name: "sim" } });
    expect(plan.workers).toHaveLength(4);
    expect(plan.workers[0].argv).toContain("--max-model-len");
  });
});

describe("pdserve config", () => {
  test("shows every value with its origin, secrets masked", async () => {
    const { exitCode, stdout } = await run("config m --port 9", { env: { PDSERVE_API_KEY: "geheim" } });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^--port +9 +flag --port +router\.port$/m);
    expect(stdout).toMatch(/^--api-key +\*+ +env PDSERVE_API_KEY/m);
    expect(stdout).toMatch(/^--canary +true +default/m);
    expect(stdout).not.toContain("geheim");
  });

  test("prints JSON, and a schema for editors", async () => {
    expect(JSON.parse((await run("config m -o json")).stdout)).toMatchObject({ schema: 1, config_file: null });
    expect(JSON.parse((await run("config --schema")).stdout)).toMatchObject({ title: "pdserve.yaml", type: "object" });
  });

  test("fits the terminal", async () => {
    const { stdout } = await run("config m", { columns: 60 });
    expect(stdout.split("\n").filter((line) => Bun.stringWidth(line) > 60)).toEqual([]);
  });

  test("shows what can be shown beside what is wrong", async () => {
    const { exitCode, stdout, stderr } = await run("config m --port nine");
    expect(exitCode).toBe(2);
    expect(stdout).toMatch(/^--port +8000 +default/m);
    expect(stderr).toContain('--port cannot be "nine"');
  });
});

describe("pdserve version and help", () => {
  test("--version is one line", async () => {
    expect(await run("--version")).toEqual({ exitCode: 0, stdout: "pdserve 0.1.0\n", stderr: "" });
    expect((await run("m -V")).stdout).toBe("pdserve 0.1.0\n");
  });

  test("version tells the runtime, and the engine or that there is none", async () => {
    const { exitCode, stdout } = await run("version --engine-command no-such-program-here -o json");
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      schema: 1,
      pdserve: "0.1.0",
      runtime: { name: "bun", version: Bun.version },
      engine: null,
    });
  });

  test("pdserve alone greets, with exit code 0", async () => {
    const { exitCode, stdout, stderr } = await run("");
    expect({ exitCode, stderr, lines: stdout.trimEnd().split("\n").length }).toEqual({
      exitCode: 0,
      stderr: "",
      lines: 12,
    });
  });

  test("help is for all, for a verb, or for a word", async () => {
    expect((await run("-h")).stdout).toStartWith("Usage  pdserve [up]");
    expect((await run("help config")).stdout).toStartWith("Usage  pdserve config");
    expect((await run("config --help")).stdout).toStartWith("Usage  pdserve config");
    expect((await run("help help")).stdout).toStartWith("Usage  pdserve help");
    expect((await run("help canary")).stdout).toContain("--no-canary");
    expect((await run("--help=canary")).stdout).toContain("--no-canary");
    expect(await run("help xyzzy")).toMatchObject({ exitCode: 2, stdout: "" });
  });

  test("help is in colour only where somebody looks", async () => {
    expect((await run("-h")).stdout).not.toContain("\x1b[");
    expect((await run("-h", { columns: 80, env: {} })).stdout).toContain("\x1b[");
    expect((await run("-h", { columns: 80, env: { NO_COLOR: "1" } })).stdout).not.toContain("\x1b[");
    expect((await run("-h", { env: { FORCE_COLOR: "1" } })).stdout).toContain("\x1b[");
  });
});

describe("pdserve completion", () => {
  test.each(["bash", "zsh", "fish"])("writes a script that %s would take", async (shell) => {
    const { exitCode, stdout } = await run(`completion ${shell}`);
    expect(exitCode).toBe(0);
    for (const word of ["prefill-gpus", "NixlConnector", "least_inflight", "no-canary", "max-model-len"]) {
      expect(stdout).toContain(word);
    }
    if (!Bun.which(shell)) return;
    const path = join(folder, `completion.${shell}`);
    writeFileSync(path, stdout);
    expect(Bun.spawnSync([shell, "-n", path]).exitCode).toBe(0);
  });

  test("in bash offers verbs, flags and the values of a flag", async () => {
    const script = join(folder, "completion.offers");
    writeFileSync(script, (await run("completion bash")).stdout);
    const offers = (...words: string[]) => {
      const ask =
        `source ${script}; COMP_WORDS=(pdserve ${words.map((w) => `'${w}'`).join(" ")}); COMP_CWORD=${words.length}; ` +
        `_pdserve; echo "\${COMPREPLY[*]}"`;
      return Bun.spawnSync(["bash", "-c", ask]).stdout.toString().trim().split(" ");
    };
    expect(offers("de")).toEqual(["demo"]);
    expect(offers("m", "--prefill-g")).toEqual(["--prefill-gpus"]);
    expect(offers("m", "--engine", "")).toEqual(["vllm", "sglang", "sim", "sim-sglang"]);
    expect(offers("completion", "z")).toEqual(["zsh"]);
  });

  test("asks for a shell it knows", async () => {
    expect(await run("completion")).toMatchObject({ exitCode: 2, stdout: "" });
    expect((await run("completion tcsh")).stderr).toContain('Unknown shell "tcsh"');
  });
});
