import { describe, expect, test } from "bun:test";
import { knownGpus } from "../../plan/probe/known_gpus.ts";
import { readMachine } from "../../plan/read_machine.ts";
import { machineOf, plannedFor } from "./wishes.ts";

const flag = (value: string) => ({ value, origin: { is: "flag", flag: "--machine" } } as const);
const noFile = () => Promise.resolve(null);

async function machine(text: string, file: string | null = null) {
  const read = await readMachine(flag(text), () => Promise.resolve(file));
  if (read.is === "problem") throw new Error(JSON.stringify(read.problem));
  return read.machine;
}

async function problem(text: string, file: string | null = null) {
  const read = await readMachine(flag(text), () => Promise.resolve(file));
  return read.is === "problem" ? read.problem : null;
}

describe("readMachine()", () => {
  test.each([
    ["8xH100", "NVIDIA H100 80GB HBM3", "NV18"],
    ["4xA100-40GB", "NVIDIA A100-SXM4-40GB", "NV12"],
    ["2x NVIDIA A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB", "NV12"],
    ["2x4090", "NVIDIA GeForce RTX 4090", "SYS"],
    ["4XL40S", "NVIDIA L40S", "SYS"],
    ["4xl4", "NVIDIA L4", "SYS"],
    ["8xMI300X", "AMD Instinct MI300X", "NV1"],
  ])("knows %s", async (text, name, link) => {
    const read = await machine(text);
    expect(read.gpus).toHaveLength(Number(text[0]));
    expect(read.gpus[0]?.name).toBe(name);
    expect(read.links["0"]?.["1"]).toBe(link);
    expect(read).toMatchObject({ source: text, gpuSource: "given", engine: null });
  });

  test("finds every GPU of its table by its own key", async () => {
    for (const [key, known] of Object.entries(knownGpus)) {
      expect((await machine(`1x${key}`)).gpus[0]?.name).toBe(known.name);
    }
  });

  test("plans for the box it made up", async () => {
    const plan = plannedFor({ flags: { tp: "2" } }, await machine("8xH200"));
    expect(plan.split).toBe("8 GPUs: prefill 0,1;2,3 · decode 4,5;6,7 (NVLink between the two)");
  });

  test("suggests the nearest known GPU, or a form", async () => {
    expect(await problem("8xH10O")).toMatchObject({
      what: 'Unknown GPU "H10O" in --machine',
      fix: "--machine 8xH100",
      exitCode: 2,
    });
    const read = await readMachine(flag("box.json"), noFile);
    expect(read).toMatchObject({
      is: "problem",
      problem: { what: 'Cannot find the machine file "box.json"', where: "flag --machine" },
    });
  });

  test("reads a saved probe back, as given and without that shell's CUDA_VISIBLE_DEVICES", async () => {
    const saved = machineOf(2, { visibleGpus: ["1"] });
    expect(await machine("box.json", JSON.stringify(saved)))
      .toEqual({ ...saved, source: "box.json", visibleGpus: null, gpuSource: "given" });
  });

  test("says what is wrong with a file", async () => {
    expect(await problem("box.json", "{")).toMatchObject({ what: 'Cannot read "box.json" as JSON', where: "box.json" });
    const wrong = await problem("box.json", JSON.stringify({ ...machineOf(1), gpus: [{ id: 0 }], cpuCores: -1 }));
    expect(wrong?.why).toContain("gpus.0.id");
    expect(wrong?.why).toContain("cpuCores");
  });
});
