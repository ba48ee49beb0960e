import { describe, expect, test } from "bun:test";
import { parseGpus, parseTopology, readNvidiaSmi } from "../../../plan/probe/nvidia_smi.ts";
import type { RunCommand } from "../../../plan/probe/run_command.ts";

const gpus = `0, GPU-aaaa, NVIDIA H100 80GB HBM3, 81559, 81000, 00000000:18:00.0, 580.65.06
1, GPU-bbbb, NVIDIA H100 80GB HBM3, 81559, [N/A], 00000000:2A:00.0, 580.65.06
`;

/** Underlined head, NIC columns, and the doubled tab of newer drivers, as the tool prints them. */
const topology = [
  "\t\x1b[4mGPU0\tGPU1\tGPU2\tNIC0\tCPU Affinity\tNUMA Affinity\tGPU NUMA ID\x1b[0m",
  "GPU0\t X \tNV18\tSYS\tPXB\t0-47\t0\t\tN/A",
  "GPU1\tNV18\t X \tPHB\tSYS\t0-47\t0\t\tN/A",
  "GPU2\tSYS\tPHB\t X \tNODE\t48-95\t1\t\tN/A",
  "NIC0\tPXB\tSYS\tNODE\t X ",
  "",
  "Legend:",
  "",
  "  X    = Self",
  "  SYS  = Connection traversing PCIe as well as the SMP interconnect between NUMA nodes",
].join("\n");

/** A command that answers by its first argument's beginning. */
function answering(answers: Readonly<Record<string, string | number>>): RunCommand {
  return ([, first = ""]) => {
    const key = Object.keys(answers).find((start) => first.startsWith(start));
    const answer = key === undefined ? undefined : answers[key];
    if (answer === undefined) return Promise.resolve({ is: "missing" });
    return Promise.resolve({
      ...{ is: "ended", stderr: "" },
      ...(typeof answer === "number" ? { code: answer, stdout: "" } : { code: 0, stdout: answer }),
    });
  };
}

describe("nvidia-smi", () => {
  test("parseGpus() reads MiB as bytes and takes [N/A] for unknown", () => {
    const read = parseGpus(gpus);
    expect(read.driver).toBe("580.65.06");
    expect(read.gpus[0]).toMatchObject({
      id: "0",
      uuid: "GPU-aaaa",
      totalBytes: 81559 * 2 ** 20,
      freeBytes: 81000 * 2 ** 20,
    });
    expect(read.gpus[1]).toMatchObject({ id: "1", freeBytes: 81559 * 2 ** 20, busId: "00000000:2A:00.0" });
  });

  test("parseTopology() keeps the GPU columns of the matrix only", () => {
    expect(parseTopology(topology)).toEqual({
      "0": { "1": "NV18", "2": "SYS" },
      "1": { "0": "NV18", "2": "PHB" },
      "2": { "0": "SYS", "1": "PHB" },
    });
    expect(parseTopology("")).toEqual({});
  });

  test("readNvidiaSmi() joins the three answers", async () => {
    const apps = "40121, GPU-bbbb, 1024\n40122, GPU-bbbb, [N/A]\n";
    const reading = await readNvidiaSmi(
      answering({ "--query-gpu": gpus, "--query-compute-apps": apps, topo: topology }),
    );
    expect(reading).toMatchObject({ source: "nvidia-smi", links: { "0": { "1": "NV18" } }, noPeerAccess: [] });
    expect(reading?.gpus.map(({ processes }) => processes)).toEqual([
      [],
      [{ pid: 40121, bytes: 2 ** 30 }, { pid: 40122, bytes: null }],
    ]);
  });

  test("readNvidiaSmi() does without processes and topology, but not without GPUs", async () => {
    const reading = await readNvidiaSmi(answering({ "--query-gpu": gpus, "--query-compute-apps": 4, topo: 3 }));
    expect(reading?.gpus.map(({ processes }) => processes)).toEqual([null, null]);
    expect(reading?.links).toEqual({});
    expect(await readNvidiaSmi(answering({ "--query-gpu": 9 }))).toBeNull();
    expect(await readNvidiaSmi(() => Promise.resolve({ is: "too-slow" }))).toBeNull();
  });
});
