import { expect, test } from "bun:test";
import { examine, type Facts } from "../../../cli/doctor/examine.ts";
import { doctorLines } from "../../../cli/render/doctor_report.ts";
import { paintFor } from "../../../cli/render/color.ts";
import type { Gpu, Machine } from "../../../plan/machine.ts";

const gpu = (id: string, freeBytes = 80e9): Gpu => ({
  ...{ id, uuid: null, name: "H100", totalBytes: 80e9, freeBytes, holders: [], numaNode: 0 },
});

const machine: Machine = {
  ...{
    schema: 1,
    source: "this machine",
    gpus: [gpu("0"), gpu("1")],
    driver: "580.1",
    noPeerAccess: [],
    visibleGpus: null,
  },
  links: { "0": { "1": "NV18" }, "1": { "0": "NV18" } },
  ...{ gpuSource: "nvml", cpuCores: 16, memoryBytes: 1e12, busyPorts: [], ephemeralFrom: 32_768 },
  engine: { name: "vllm", version: "0.32.0", imports: { nixl: "1.4.1" }, device: "cuda" },
};

const healthy: Facts = {
  ...{ machine, engineName: "vllm", isSimulated: false, usesGpus: true, port: 8000 },
  shm: { totalBytes: 64e9, freeBytes: 64e9 },
  ...{ openFiles: null, lockedMemoryBytes: null, runs: [], leftovers: [], planned: null },
};

const faults = (changes: Partial<Facts>) =>
  examine({ ...healthy, ...changes }).filter(({ status }) => status === "warning" || status === "error");

test("examine() finds nothing in the way of a healthy machine", () => {
  expect(faults({})).toEqual([]);
});

const onMachine = (changes: Partial<Machine>) => ({ machine: { ...machine, ...changes } });
const left = { pid: 4711, ppid: 1, pgid: 4711, sid: 4711, startTicks: 1, zombie: false, name: "VLLM::EngineCor" };
const holder = [{ pid: 7, name: "python", bytes: 40e9 }];

const cases: readonly [string, Partial<Facts>, string, string][] = [
  ["no GPU", onMachine({ gpus: [] }), "no GPU was found", "--device cpu"],
  ["one GPU", onMachine({ gpus: [gpu("0")] }), "one GPU only", "--gpu-memory-utilization"],
  ["no peer access", onMachine({ noPeerAccess: [["0", "1"]] }), "none between 0-1", "GPUs that have it"],
  ["slow links", onMachine({ links: { "0": { "1": "SYS" } } }), "connected by SYS", "nvidia-smi topo -m"],
  [
    "held memory",
    onMachine({ gpus: [{ ...gpu("0", 40e9), holders: holder }, gpu("1")] }),
    "python (pid 7) 37 GiB",
    "stop what",
  ],
  ["no engine", onMachine({ engine: null }), "vllm was not found", "pip install vllm"],
  [
    "a missing module",
    onMachine({ engine: { ...machine.engine!, imports: { nixl: null } } }),
    "does not import nixl",
    "pdserve connectors",
  ],
  ["a taken port", onMachine({ busyPorts: [{ port: 8000, pid: 9, name: "nginx" }] }), "nginx (pid 9)", "--port"],
  ["a greedy kernel", onMachine({ ephemeralFrom: 1024 }), "hands out ports from 1024", "ip_local_port_range"],
  ["a small /dev/shm", { shm: { totalBytes: 64e6, freeBytes: 64e6 } }, "61 MiB", "--ipc=host"],
  ["few files", { openFiles: 1024 }, "only 1024 open files", "ulimit -n"],
  ["little locked memory", { lockedMemoryBytes: 65_536 }, "64 KiB of locked memory", "ulimit -l"],
  [
    "leftovers",
    {
      leftovers: [{ run: { runId: "r1", path: "", run: null, alive: false }, processes: [left] }],
    },
    "4711 (VLLM::EngineCor)",
    "--reap",
  ],
  [
    "an impossible plan",
    {
      planned: { is: "impossible", problems: [{ what: "W", why: "Y", fix: "F", where: "flag", severity: "error" }] },
    },
    "W: Y",
    "F",
  ],
];

for (const [name, changes, what, fix] of cases) {
  test(`examine() tells of ${name}, and what to do`, () => {
    const found = faults(changes).find((finding) => finding.what.includes(what));
    expect(found?.what).toContain(what);
    expect(found?.fix).toContain(fix);
  });
}

test("doctorLines() groups by category and fits the terminal", () => {
  const findings = examine({ ...healthy, openFiles: 1024, shm: null });
  const lines = doctorLines(findings, 60, paintFor(false));
  expect(lines).toContain("limits");
  expect(lines).toContain("  ‼ only 1024 open files, each request needs two");
  expect(lines).toContain("  ? /dev/shm cannot be looked at");
  expect(lines.at(-1)).toBe("0 errors, 1 warning");
  expect(lines.filter((line) => line.length > 60 && !line.includes("fix:"))).toEqual([]);
});
