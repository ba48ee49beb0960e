// `pdserve connectors` with an engine and imports made up here.

import { describe, expect, test } from "bun:test";
import { connectorsCommand } from "../../cli/commands/connectors.ts";
import type { ConnectorMeans } from "../../cli/commands/probe_connector.ts";
import { engineOf } from "../../cli/read_wish.ts";
import { splitArgv } from "../../cli/split_argv.ts";
import { connectors, sglangConnectors } from "../../kv/index.ts";
import { fakeContext } from "./fake_context.ts";

const box: ConnectorMeans = {
  findEngine: () =>
    Promise.resolve({ name: "vllm", version: "0.32.0", imports: { nixl: "1.5.1", mooncake: null }, device: "cuda" }),
  importAll: ({ modules }) => Promise.resolve(Object.fromEntries(modules.map((name) => [name, { version: "1.0" }]))),
  listens: () => Promise.resolve(false),
};
const empty: ConnectorMeans = { ...box, findEngine: () => Promise.resolve(null) };

async function run(words: readonly string[], means = box, columns?: number) {
  const context = fakeContext({
    env: { HOME: "/nowhere", NO_COLOR: "1" },
    ...(columns === undefined ? {} : { columns }),
  });
  const argv = ["connectors", ...words];
  const exitCode = await connectorsCommand({ argv, line: splitArgv(argv, engineOf), context }, means);
  return { exitCode, ...context.said() };
}

describe("pdserve connectors", () => {
  test("lists every connector with what works here, and why the others do not", async () => {
    const { exitCode, stdout, stderr } = await run([]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    for (const name of Object.keys(connectors)) expect(stdout).toMatch(new RegExp(`^[√×]  ${name} `, "m"));
    expect(stdout).toMatch(/^√ {2}NixlConnector +0\.14\+ +any +params-echo +side channel$/m);
    expect(stdout).toMatch(/^× {2}P2pNcclConnector +0\.9–0\.22 /m);
    for (const name of Object.keys(sglangConnectors)) expect(stdout).toMatch(new RegExp(`^\\?  ${name} `, "m"));
    expect(stdout).toMatch(/^\? {2}SGLangNixl +0\.4\.6\+ +cuda cpu rocm xpu +bootstrap +bootstrap \(prefill\)$/m);
    expect(stdout).toContain("what works here: pdserve connectors --engine sglang");
    expect(stdout).toContain('not here MooncakeConnector needs the Python module "mooncake" (pip install');
  });

  test("never writes wider than the terminal, where nothing is to be pasted", async () => {
    const { stdout } = await run([], box, 80);
    const wide = stdout.split("\n").filter((line) => line.length > 80 && !line.includes("kv_connector"));
    expect(wide).toEqual([]);
  });

  test("without an engine says that it does not know", async () => {
    const { exitCode, stdout } = await run([], empty);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^\? {2}NixlConnector /m);
    expect(stdout).toContain("No engine was found");
  });

  test("as JSON tells each connector's contract", async () => {
    const { stdout } = await run(["-o", "json"]);
    const answer = JSON.parse(stdout);
    expect(answer).toMatchObject({ schema: 1, engine: { name: "vllm", version: "0.32.0", device: "cuda" } });
    expect(answer.connectors).toHaveLength(Object.keys(connectors).length);
    for (const each of answer.connectors) {
      expect(each).toMatchObject({
        name: expect.any(String),
        engines: expect.any(Object),
        devices: expect.any(Array),
        needs: expect.any(Array),
        ports: expect.any(Array),
        handoff: expect.any(String),
        failure_modes: expect.any(Array),
        here: { works: expect.any(Boolean), why: expect.any(String), problems: expect.any(Array) },
      });
    }
  });
});

describe("pdserve connectors of SGLang", () => {
  const sglang: ConnectorMeans = {
    ...box,
    findEngine: () =>
      Promise.resolve({ name: "sglang", version: "0.5.23", imports: { nixl: "1.5.1", mori: null }, device: "cuda" }),
  };

  test("come first with --engine sglang, with what works here", async () => {
    const { stdout } = await run(["--engine", "sglang"], sglang);
    expect(stdout).toMatch(/^√ {2}SGLangNixl /m);
    expect(stdout).toMatch(/^× {2}SGLangMori /m);
    expect(stdout).toMatch(/^× {2}SGLangAscend +0\.4\.9\+ +npu /m);
    expect(stdout).toMatch(/^× {2}SGLangFake .* none /m);
    expect(stdout).toMatch(/^\? {2}NixlConnector /m);
  });

  test("are explained with the arguments SGLang is launched with", async () => {
    const { stdout } = await run(["explain", "sglang-nixl", "--engine", "sglang"], sglang);
    expect(stdout).toContain("Prefill is launched with (SGLang 0.5.23, cuda)");
    expect(stdout).toContain("  --disaggregation-transfer-backend nixl\n  --disaggregation-bootstrap-port 8998\n");
    expect(stdout).toContain("  bootstrap_room: 1");
    expect(stdout).toContain("× page size 16 on prefill, 32 on decode");
  });

  test("are checked by importing what they need and by loading the backend's class", async () => {
    const { exitCode, stdout } = await run(["check", "sglang-nixl", "--engine", "sglang"], sglang);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^ {2}√ import nixl: 1\.0$/m);
    expect(stdout).toMatch(/^ {2}√ SGLang loads its transfer backend nixl$/m);
    expect((await run(["check", "SGLangFake", "--engine", "sglang"], sglang)).exitCode).toBe(1);
  });
});

describe("pdserve connectors on a terminal", () => {
  test.each([[80, "    ports    bootstrap (prefill)"], [120, "PORTS A WORKER"]])(
    "says at %d columns which ports a worker needs, and cuts nothing",
    async (columns, text) => {
      const lines = (await run([], box, columns)).stdout.split("\n");
      expect(lines.some((line) => line.includes(text))).toBe(true);
      const rows = lines.filter((line) => /^[√×?] {2}/.test(line));
      expect(rows).toHaveLength(Object.keys(connectors).length + Object.keys(sglangConnectors).length);
      expect(rows.filter((line) => line.includes("…") || line.length > columns)).toEqual([]);
    },
  );
});

describe("pdserve connectors explain", () => {
  test("prints command lines, requests, pairs, failures, proof and sources", async () => {
    const { exitCode, stdout } = await run(["explain", "NIXL"]);
    expect(exitCode).toBe(0);
    const pasted = `--kv-transfer-config '{"kv_connector":"NixlConnector","kv_role":"kv_producer"`;
    for (
      const part of [
        pasted,
        "VLLM_NIXL_SIDE_CHANNEL_PORT=5600",
        '"do_remote_decode":true',
        "× prefill TP 2, decode TP 3",
      ]
    ) {
      expect(stdout).toContain(part);
    }
    expect(stdout).toContain("external_kv_transfer");
    expect(stdout).toContain("vLLM distributed/kv_transfer/kv_connector/v1/nixl");
  });

  test("explains a name that stands alone, as its extra config makes it", async () => {
    const list = '{"connectors":["NixlConnector","ExampleConnector"]}';
    const { stdout } = await run(["multi", "--kv-extra-config", list, "-o", "json"]);
    expect(JSON.parse(stdout).connector).toMatchObject({
      name: "MultiConnector",
      handoff: "params-echo",
      here: { works: true },
      launch: { decode: { kv_transfer_config: { kv_role: "kv_consumer" } } },
    });
  });

  test("says why a connector hands nothing over, and what does", async () => {
    const { stdout } = await run(["explain", "OffloadingConnector"]);
    expect(stdout).toContain("none: it keeps KV in the memory of the engine that made it");
    expect(stdout).toContain("instead: --kv-connector MultiConnector");
  });

  test.each([
    [["explain"], "Name a connector after explain", "pdserve connectors explain nixl"],
    [["explain", "Moncake"], 'Unknown connector "Moncake"', "pdserve connectors explain MooncakeConnector"],
    [["check", "nixl", "mooncake"], 'Cannot read "mooncake" after nixl', "pdserve connectors explain nixl"],
  ])("refuses %j with the line that was meant", async (words, what, fix) => {
    const { exitCode, stdout, stderr } = await run(words);
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(what);
    expect(stderr).toContain(fix);
  });
});

describe("pdserve connectors check", () => {
  test("exits 0 where everything imports", async () => {
    const { exitCode, stdout } = await run(["check", "nixl"]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^ {2}√ import nixl: 1\.0$/m);
    expect(stdout).toContain("NixlConnector should work here");
  });

  test("exits 1 where something is missing, with what to do about it", async () => {
    const { exitCode, stdout } = await run(["check", "lmcache-mp"]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^ {2}× lmcache server at 127\.0\.0\.1:5555 does not listen/m);
    expect(stdout).toContain("    lmcache server --host 127.0.0.1 --port 5555");
  });

  test("exits 69 where there is no engine, and imports nothing", async () => {
    const means = { ...empty, importAll: () => Promise.reject(new Error("asked")) };
    expect((await run(["check", "nixl"], means)).exitCode).toBe(69);
  });

  test("asks no Python and no server for the simulator", async () => {
    const means = { ...box, importAll: () => Promise.reject(new Error("asked")) };
    const { exitCode, stdout } = await run(["check", "lmcache-mp", "--engine", "sim"], means);
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain("5555");
  });

  test("as JSON holds one object for each thing it looked at", async () => {
    const { stdout } = await run(["check", "nixl", "-o", "json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ schema: 1, connector: "NixlConnector", works: true },
      checks: expect.arrayContaining([{ is: "ok", what: "import nixl: 1.0", fix: null }]),
    });
  });
});
