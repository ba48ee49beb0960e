import { expect, test } from "bun:test";
import { type Check, checkConnector, type Probed } from "../../kv/check_connector.ts";
import type { ExtraConfig } from "../../kv/connector.ts";
import { connectorHere, type EngineHere } from "../../kv/connector_here.ts";
import { describeConnector } from "../../kv/describe_connector.ts";
import { connectors, findConnector } from "../../kv/index.ts";

const box: EngineHere = { engine: "vllm", engineVersion: "0.32.0", device: "cpu", imports: { nixl: "1.5.1" } };

function trialsOf(name: string, extraConfig: ExtraConfig = {}) {
  const { trials } = describeConnector(findConnector(name, extraConfig).connector, extraConfig, { device: "cuda" });
  return Object.fromEntries(trials.map(({ pair, problems: [first] }) => [pair, first?.severity ?? "works"]));
}

function checksOf(name: string, probed: Partial<Probed>, extraConfig: ExtraConfig = {}): readonly Check[] {
  const { connector } = findConnector(name, extraConfig);
  return checkConnector(describeConnector(connector, extraConfig), {
    ...{ engine: box, imported: {}, listening: {} },
    ...probed,
  });
}

const failed = (checks: readonly Check[]) => checks.filter((check) => check.is === "failed").map(({ what }) => what);

test.each(Object.values(connectors))(
  "$name is described as it is launched, with decode's ports beside prefill's",
  (connector) => {
    const { launch, ports, asked } = describeConnector(connector);
    expect(launch.prefill.kvTransferConfig.kv_connector).toBe(connector.name);
    expect(JSON.stringify(launch.decode)).not.toContain("undefined");
    for (const { purpose, preferred } of ports.decode.filter((need) => need.env !== null)) {
      expect([purpose, Object.values(launch.decode.env)]).toEqual([
        purpose,
        expect.arrayContaining([String(preferred + 1)]),
      ]);
    }
    expect(connector.devices).toContain(asked.device);
  },
);

test("describeConnector() takes the version asked for, unless the connector is not in it", () => {
  const version = (name: string, engineVersion?: string) =>
    describeConnector(findConnector(name).connector, {}, engineVersion === undefined ? {} : { engineVersion }).asked
      .engineVersion;
  expect([version("nixl"), version("nixl", "0.29.1"), version("p2p-nccl", "0.29.1")]).toEqual([
    "0.32.0",
    "0.29.1",
    "0.22.1",
  ]);
});

test("the pairs that work are found by the connector's own rules", () => {
  expect(trialsOf("NixlConnector")).toMatchObject({
    "prefill TP 2, decode TP 1": "works",
    "prefill TP 2, decode TP 3": "error",
    "block size 16 on prefill, 32 on decode": "works",
    "block size 32 on prefill, 16 on decode": "error",
    "two prefill workers": "works",
  });
  expect(trialsOf("ExampleConnector")).toMatchObject({ "TP 2 on both": "error", "two prefill workers": "warning" });
  expect(trialsOf("P2pNcclConnector")["prefill TP 2, decode TP 1"]).toBe("error");
});

test("what is wrong with any pair is told once, not with every pair", () => {
  const { problems, trials } = describeConnector(connectors.OffloadingConnector, {}, { device: "cpu" });
  expect(problems.map(({ what }) => what)).toEqual([
    "OffloadingConnector does not run on cpu",
    "OffloadingConnector is not told how much host memory to use",
  ]);
  expect(trials.flatMap((trial) => trial.problems)).toEqual([]);
});

test("connectorHere() says yes with the reason, no with all problems, and nothing where there is no engine", () => {
  expect(connectorHere("nixl", box)).toMatchObject({
    is: "yes",
    reason: expect.stringContaining("nixl 1.5.1 imports"),
  });
  expect(connectorHere("MooncakeConnector", box)).toMatchObject({ is: "no", problems: [{ severity: "error" }] });
  expect(connectorHere("nixl", null)).toEqual({ is: "unknown" });
});

test("checkConnector() finds all well where everything imports", () => {
  const imported = { nixl: { version: "1.5.1" }, "vllm:NixlConnector": { version: "vllm.x" } };
  expect(checksOf("nixl", { imported }).map(({ is, what }) => [is, what])).toEqual([
    ["ok", "vllm 0.32.0 on cpu"],
    ["ok", "hands KV from prefill to decode (params-echo)"],
    ["ok", "import nixl: 1.5.1"],
    ["ok", "vLLM loads its class NixlConnector"],
  ]);
});

test("checkConnector() tells the error an import ended with, and how to get the module", () => {
  const imported = { nixl: { error: "ImportError: libucp.so.0: cannot open shared object file" } };
  expect(checksOf("nixl", { imported })).toContainEqual({
    is: "failed",
    what: "import nixl: ImportError: libucp.so.0: cannot open shared object file",
    fix: "pip install nixl",
  });
});

test("checkConnector() gives the command of a server that does not listen", () => {
  const imported = { lmcache: { version: "0.5.6" } };
  const server = "lmcache server at 127.0.0.1:5555";
  expect(failed(checksOf("lmcache-mp", { imported }))).toEqual([
    `${server} does not listen; pdserve does not start it`,
  ]);
  const listening = { "127.0.0.1:5555": true };
  expect(failed(checksOf("lmcache-mp", { imported, listening }))).toEqual([]);
});

test("checkConnector() tells each reason once, whoever knows it", () => {
  const whats = failed(checksOf("OffloadingConnector", {}));
  expect(whats.map((what) => what.split(":", 1)[0])).toEqual([
    "OffloadingConnector hands no KV from prefill to decode",
    "OffloadingConnector does not run on cpu",
    "OffloadingConnector is not told how much host memory to use",
  ]);
});

test("checkConnector() has nothing to say of an engine that is not there", () => {
  expect(failed(checksOf("ExampleConnector", { engine: null }))).toEqual(["no engine found"]);
});
