import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { shellScript } from "../../plan/shell.ts";
import { planFor, specOf, type Wish } from "./wishes.ts";
import { machineOf } from "./wishes.ts";

const folder = mkdtempSync(join(tmpdir(), "pdserve-shell-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function scriptFor(wish: Wish, ownCommand: readonly string[], cwd = folder): string {
  const planned = planFor(wish, machineOf(4), { ownCommand, cwd, sharedDir: join(folder, "shared dir") });
  if (planned.is === "impossible") throw new Error(JSON.stringify(planned.problems));
  return shellScript(planned.plan, specOf(wish), planned.connector, ownCommand);
}

/** Runs the script with a stand-in that writes down how it was called. */
function run(script: string, env: Readonly<Record<string, string>> = {}) {
  const seen = mkdtempSync(join(folder, "seen-"));
  const ended = Bun.spawnSync(["sh", "-c", script], { env: { PATH: "/usr/bin:/bin", SEEN: seen, ...env } });
  const calls = readdirSync(seen).map((file) => JSON.parse(readFileSync(join(seen, file), "utf8")));
  return { calls: calls as { argv: string[]; cwd: string; env: Record<string, string> }[], ended };
}

/** `bun -e` gets the words after `--` as they came. */
const recorder = join(folder, "record it.ts");
writeFileSync(
  recorder,
  `await Bun.write(process.env.SEEN + "/" + process.pid,
    JSON.stringify({ argv: process.argv.slice(2), cwd: process.cwd(), env: process.env }));`,
);
const ownCommand = [process.execPath, recorder];

describe("shellScript()", () => {
  test("runs every worker of the plan and a router over them, quoted so that each word arrives", () => {
    const wish = {
      model: "it's a model",
      flags: { engine: "sim", pd: "2P1D", kvConnector: "example", maxQueue: "7", accessLog: "a b.log", port: "8123" },
      both: ["--hf-overrides", '{"a": "$HOME"}'],
    };
    const planned = planFor(wish, machineOf(4), { ownCommand, cwd: folder, sharedDir: join(folder, "shared dir") });
    const { calls, ended } = run(scriptFor(wish, ownCommand));
    expect(ended.stderr.toString()).toBe("");
    const workers = planned.is === "planned" ? planned.plan.workers : [];
    expect(workers).toHaveLength(3);
    for (const { argv, env } of workers) {
      const call = calls.find((one) => one.argv.join("\0") === argv.slice(2).join("\0"));
      expect(call?.cwd).toBe(folder);
      expect(call?.env).toMatchObject(env);
    }
    const router = calls.find(({ argv }) => argv.includes("--prefill"));
    expect(router?.argv).toEqual([
      ...[
        "--prefill",
        "http://127.0.0.1:8100",
        "--prefill",
        "http://127.0.0.1:8101",
        "--decode",
        "http://127.0.0.1:8102",
      ],
      ...["--kv-connector", "ExampleConnector", "--host", "127.0.0.1", "--port", "8123"],
      ...["--served-model-name", "it's a model", "--access-log", "a b.log", "--max-queue", "7"],
    ]);
    expect(calls).toHaveLength(4);
    expect(readdirSync(folder)).toContain("shared dir");
  });

  test("tells the router what the connector's legs must know", () => {
    const url = (kvConnector: string) =>
      scriptFor({
        flags: { engine: "sim", pd: "1P1D", kvConnector },
        both: kvConnector === "p2p-nccl" ? ["--sim-vllm-version", "0.20.0"] : [],
      }, ["pdserve"])
        .split("\n").find((line) => line.includes("--prefill"))?.trim().split(" ").slice(2, 5).join(" ");
    expect(url("nixl")).toBe("http://127.0.0.1:8100 --decode http://127.0.0.1:8101");
    expect(url("mooncake")).toBe("'http://127.0.0.1:8100#bootstrap=8998' --decode http://127.0.0.1:8101");
    expect(url("p2p-nccl")).toBe(
      "'http://127.0.0.1:8100#kv_port=21001' --decode 'http://127.0.0.1:8101#kv_port=21002'",
    );
    expect(url("nixl-push")).toContain("engine_id=prefill-0-1c9e");
  });

  test("prints no secret, and asks the reader's environment for it", () => {
    const wish = { flags: { engine: "sim", apiKey: "sk-secret", pd: "1P1D" }, both: ["--hf-token", "hf-secret"] };
    const script = scriptFor(wish, ownCommand);
    expect(script).not.toContain("secret");
    const { calls } = run(script, { PDSERVE_API_KEY: "sk-mine", HF_TOKEN: "hf-mine" });
    expect(calls.map(({ env }) => env.HF_TOKEN)).toEqual(["hf-mine", "hf-mine", "hf-mine"]);
    expect(calls.find(({ argv }) => argv.includes("--prefill"))?.env.PDSERVE_API_KEY).toBe("sk-mine");
  });

  test("is only a router where the workers run already", () => {
    const flags = { prefillUrls: "http://h:1", decodeUrls: "http://h:2#tp=2", port: "9000" };
    const { calls } = run(scriptFor({ model: null, flags }, ownCommand));
    expect(calls.map(({ argv }) => argv)).toEqual([[
      ...["--prefill", "http://h:1", "--decode", "http://h:2#tp=2"],
      ...["--kv-connector", "NixlConnector", "--host", "127.0.0.1", "--port", "9000"],
    ]]);
  });
});
