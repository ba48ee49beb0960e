import { expect, test } from "bun:test";
import { probeMachine } from "../../../plan/probe/probe_machine.ts";

const nothing = { env: {}, run: () => Promise.resolve({ is: "missing" } as const), readNvml: () => null };

test("probeMachine() tells a box without GPUs apart from nothing", async () => {
  const machine = await probeMachine({ engine: null, ports: [], gpus: true }, nothing);
  expect(machine).toMatchObject({
    schema: 1,
    source: "this machine",
    gpus: [],
    links: {},
    gpuSource: "none",
    engine: null,
  });
  expect(machine.cpuCores).toBeGreaterThan(0);
  expect(machine.memoryBytes).toBeGreaterThan(2 ** 20);
  expect(machine.ephemeralFrom).toBeGreaterThan(0);
});

test("probeMachine() falls back on nvidia-smi, and asks no driver when no GPU is wanted", async () => {
  const asked: string[] = [];
  const row = "0, GPU-a, X, 100, 90, 00000000:18:00.0, 1.0\n";
  const run = (command: readonly string[]) => {
    asked.push(command[0] ?? "");
    return Promise.resolve(
      { is: "ended", code: 0, stdout: command[1]?.startsWith("--query-gpu") ? row : "", stderr: "" } as const,
    );
  };
  const machine = await probeMachine({ engine: null, ports: [], gpus: true }, { ...nothing, run });
  expect(machine).toMatchObject({
    gpuSource: "nvidia-smi",
    driver: "1.0",
    gpus: [{ id: "0", freeBytes: 90 * 2 ** 20 }],
  });
  asked.length = 0;
  await probeMachine({ engine: null, ports: [], gpus: false }, { ...nothing, run });
  expect(asked).toEqual([]);
});
