import { expect, test } from "bun:test";
import { chooseConnector, type ConnectorChoice, type ConnectorWish } from "../../kv/choose_connector.ts";
import type { ConnectorProblem } from "../../kv/connector.ts";

const box: ConnectorWish = {
  asked: "auto",
  engine: "vllm",
  engineVersion: "0.32.0",
  device: "cuda",
  imports: { nixl: "1.5.1", mooncake: null },
};

function chosen(wish: Partial<ConnectorWish>): ConnectorChoice {
  const answer = chooseConnector({ ...box, ...wish });
  if (Array.isArray(answer)) throw new Error(`refused: ${JSON.stringify(answer)}`);
  return answer;
}

function refused(wish: Partial<ConnectorWish>): readonly ConnectorProblem[] {
  const answer = chooseConnector({ ...box, ...wish });
  if (!Array.isArray(answer)) throw new Error(`chose ${answer.connector.name}`);
  return answer;
}

test.each<[Partial<ConnectorWish>, string]>([
  [{ device: "cpu" }, "NixlConnector: nixl 1.5.1 imports, vLLM 0.32.0, cpu"],
  [{ imports: {} }, "NixlConnector: nixl not looked for, vLLM 0.32.0, cuda"],
  [
    { imports: { nixl: null, mooncake: "0.3.12" } },
    'MooncakeConnector: mooncake 0.3.12 imports, vLLM 0.32.0, cuda, since NixlConnector needs the Python module "nixl" (pip install nixl)',
  ],
  [
    { imports: { nixl: null, mooncake: null, msgpack: "1.1.0", zmq: "27.0.0" }, engineVersion: "0.22.1" },
    'P2pNcclConnector: msgpack 1.1.0 imports, zmq 27.0.0 imports, vLLM 0.22.1, cuda, since NixlConnector needs the Python module "nixl" (pip install nixl)',
  ],
  [
    { imports: { nixl: null, mooncake: null } },
    'ExampleConnector: KV goes over disk, vLLM 0.32.0, cuda, since NixlConnector needs the Python module "nixl" (pip install nixl)',
  ],
  [
    { imports: { nixl: null, mooncake: "0.3.12" }, device: "cpu" },
    'ExampleConnector: KV goes over disk, vLLM 0.32.0, cpu, since NixlConnector needs the Python module "nixl" (pip install nixl)',
  ],
  [{ engine: "sim", imports: {}, device: "cpu" }, "NixlConnector: simulated vLLM 0.32.0"],
  [{ asked: "nixl" }, "NixlConnector: nixl 1.5.1 imports, vLLM 0.32.0, cuda, asked for"],
  [{ asked: "sharedstorageconnector" }, "ExampleConnector: KV goes over disk, vLLM 0.32.0, cuda, asked for"],
])("chooseConnector(%j) tells %j", (wish, reason) => {
  const choice = chosen(wish);
  expect(choice.reason).toBe(reason);
  expect(choice.warnings).toEqual([]);
});

test("chooseConnector() takes any connector on the simulator, whatever the device and packages", () => {
  const sim = { engine: "sim", device: "cpu", imports: {} } as const;
  expect(chosen({ ...sim, asked: "MooncakeConnector" }).connector.name).toBe("MooncakeConnector");
  expect(chosen({ ...sim, asked: "P2pNcclConnector", engineVersion: "0.22.0" }).connector.name).toBe(
    "P2pNcclConnector",
  );
});

test("chooseConnector() refuses a connector that this vLLM does not have any more, with the reason", () => {
  expect(refused({ asked: "P2pNcclConnector", imports: {} })).toEqual([{
    what: "P2pNcclConnector does not exist in vLLM 0.32.0",
    why: "vLLM removed it in 0.23 (pull request #44854)",
    fix: "--kv-connector auto",
    severity: "error",
  }]);
  expect(refused({ asked: "P2pNcclConnector", engine: "sim" })).toHaveLength(1);
});

test("chooseConnector() refuses a connector whose package does not import, and says how to get it", () => {
  const [problem, ...rest] = refused({ asked: "MooncakeConnector" });
  expect(rest).toEqual([]);
  expect(problem?.fix).toBe("pip install mooncake-transfer-engine");
});

test("chooseConnector() tells all reasons at once", () => {
  const problems = refused({ asked: "MooncakeConnector", device: "cpu", engineVersion: "0.13.0" });
  expect(problems.map(({ what }) => what)).toEqual([
    "MooncakeConnector does not exist in vLLM 0.13.0",
    "MooncakeConnector does not run on cpu",
    'MooncakeConnector needs the Python module "mooncake"',
  ]);
});

test("chooseConnector() refuses every connector for an engine that has none", () => {
  expect(refused({ engine: "abacus" }).map(({ what }) => what)).toEqual([
    "NixlConnector does not exist in abacus 0.32.0",
  ]);
});

test("chooseConnector() runs an unknown connector as plain two-step, with a warning", () => {
  const choice = chosen({ asked: "HomeGrownConnector" });
  expect(choice.connector.name).toBe("HomeGrownConnector");
  expect(choice.connector.shape).toBe("plain-two-step");
  expect(choice.warnings).toHaveLength(1);
  expect(choice.warnings[0]?.severity).toBe("warning");
});

test("chooseConnector() points from a misspelt name to the one that was meant", () => {
  expect(chosen({ asked: "NixlConector" }).warnings[0]?.fix).toBe("--kv-connector NixlConnector");
});
