import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readNvml } from "../../../plan/probe/nvml.ts";
import { probeMachine } from "../../../plan/probe/probe_machine.ts";

const source = new URL("../../fixtures/nvml/stub_nvml.c", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "pdserve-nvml-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const compiler = Bun.which("cc");
const withCompiler = describe.skipIf(compiler === null);

/** A library of the stub built with these definitions. */
function library(...definitions: string[]): string {
  const path = join(folder, `nvml${definitions.join("")}.so`);
  const built = Bun.spawnSync(["cc", "-shared", "-fPIC", "-o", path, ...definitions, source]);
  if (built.exitCode !== 0) throw new Error(built.stderr.toString());
  return path;
}

withCompiler(
  `readNvml()${compiler === null ? " (skipped: there is no cc to build the stub library with)" : ""}`,
  () => {
    test("reads GPUs, memory, holders, links and peer access through the C interface", () => {
      const reading = readNvml(library());
      expect(reading?.driver).toBe("580.65.06");
      expect(reading?.gpus).toHaveLength(4);
      expect(reading?.gpus[1]).toEqual({
        id: "1",
        uuid: "GPU-stub-1",
        name: "NVIDIA Stub 80GB",
        totalBytes: 80 * 2 ** 30,
        freeBytes: 40 * 2 ** 30,
        busId: "00000000:19:00.0",
        processes: [{ pid: 40121, bytes: 40 * 2 ** 30 }, { pid: 40122, bytes: null }],
      });
      expect(reading?.gpus.map(({ processes }) => processes?.length ?? null)).toEqual([0, 2, 0, null]);
      expect(reading?.links["0"]).toEqual({ "1": "NV4", "2": "SYS", "3": "SYS" });
      expect(reading?.links["3"]).toEqual({ "0": "SYS", "1": "SYS", "2": "NV4" });
      expect(reading?.noPeerAccess).toEqual([["0", "2"], ["0", "3"], ["1", "2"], ["1", "3"]]);
    });

    test("counts all links of a GPU behind an NVSwitch", () => {
      expect(readNvml(library("-DSWITCHED"))?.links["0"]).toEqual({ "1": "NV4", "2": "NV4", "3": "NV4" });
    });

    test("gives up on a driver that is not loaded, a library too old, and none at all", () => {
      expect(readNvml(library("-DINIT_RESULT=9"))).toBeNull();
      expect(readNvml(library("-DOLD"))).toBeNull();
      expect(readNvml(join(folder, "absent.so"))).toBeNull();
    });

    test("probeMachine() maps CUDA_VISIBLE_DEVICES onto what it read", async () => {
      const env = { PDSERVE_TEST_NVML: library(), CUDA_VISIBLE_DEVICES: "GPU-stub-2,0" };
      const run = () => Promise.resolve({ is: "missing" } as const);
      const machine = await probeMachine({ engine: null, ports: [], gpus: true }, { env, run, readNvml });
      expect(machine).toMatchObject({ gpuSource: "nvml", driver: "580.65.06", visibleGpus: ["2", "0"], engine: null });
      expect(machine.gpus.map(({ id, freeBytes }) => [id, freeBytes / 2 ** 30])).toEqual([["0", 80], ["1", 40], [
        "2",
        80,
      ], ["3", 80]]);
    });
  },
);
