import { describe, expect, test } from "bun:test";
import type { Machine } from "../../plan/machine.ts";
import { gpu, machineOf, plannedFor, problemsOf, type Wish } from "./wishes.ts";

type Flags = NonNullable<Wish["flags"]>;

/** `prefill-0:0,1 decode-0:2,3` */
function topology(flags: Flags, machine?: Machine, both: readonly string[] = []): string {
  return plannedFor({ flags, both }, machine).workers.map(({ name, gpus }) => `${name}:${gpus.join(",")}`).join(" ");
}

/** Errors only: what went wrong and what to do instead. */
function errors(flags: Flags, machine?: Machine) {
  return problemsOf({ flags }, machine).filter(({ severity }) => severity === "error")
    .map(({ what, fix, where }) => ({ what, fix, where }));
}

describe("groupGpus()", () => {
  test.each<[string, Flags, string]>([
    ["two GPUs of TP 1 are two workers", { prefillGpus: "0,1", decodeGpus: "2" }, "prefill-0:0 prefill-1:1 decode-0:2"],
    [
      "--prefill-tp 2 makes one of them",
      { prefillGpus: "0,1", decodeGpus: "2", prefillTp: "2" },
      "prefill-0:0,1 decode-0:2",
    ],
    ["--tp counts for both", { prefillGpus: "0,1", decodeGpus: "2,3", tp: "2" }, "prefill-0:0,1 decode-0:2,3"],
    ["ranges count up", { prefillGpus: "0-1", decodeGpus: "2-3" }, "prefill-0:0 prefill-1:1 decode-0:2 decode-1:3"],
    ["; separates workers", { prefillGpus: "0", decodeGpus: "1,2;3,4" }, "prefill-0:0 decode-0:1,2 decode-1:3,4"],
    [
      "--pd tells how many workers share the list",
      { prefillGpus: "0,1", decodeGpus: "2,3", pd: "1P1D" },
      "prefill-0:0,1 decode-0:2,3",
    ],
    ["--pd alone takes GPUs in order", { pd: "2p1d" }, "prefill-0:0 prefill-1:1 decode-0:2"],
    [
      "the other role gets the rest",
      { prefillGpus: "5" },
      "prefill-0:5 decode-0:0 decode-1:1 decode-2:2 decode-3:3 decode-4:4",
    ],
    ["UUIDs name GPUs too", { prefillGpus: "GPU-3", decodeGpus: "GPU-1" }, "prefill-0:3 decode-0:1"],
  ])("%s", (_title, flags, expected) => {
    expect(topology(flags, machineOf(6))).toBe(expected);
  });

  test("counts pipeline and data parallel sizes from the engine's own flags", () => {
    expect(topology({ pd: "1P1D" }, machineOf(8), ["-dp", "2", "--pipeline-parallel-size=1"]))
      .toBe("prefill-0:0,1 decode-0:2,3");
  });

  test("maps ids through CUDA_VISIBLE_DEVICES and shows physical ones", () => {
    const machine = machineOf(4, { visibleGpus: ["3", "1"] });
    expect(topology({ prefillGpus: "0", decodeGpus: "1" }, machine)).toBe("prefill-0:3 decode-0:1");
    expect(errors({ prefillGpus: "0", decodeGpus: "2" }, machine)).toEqual([{
      what: "Cannot find GPU 2 of --decode-gpus",
      fix: "--decode-gpus with ids out of 0,1",
      where: "flag --decode-gpus",
    }]);
    expect(errors({ prefillGpus: "0,1", decodeGpus: "1" }, machine)[0]?.fix).toBe("--prefill-gpus 0 --decode-gpus 1");
  });

  test("takes any name for a GPU where none is used", () => {
    expect(topology({ engine: "sim", prefillGpus: "a,b", decodeGpus: "7" })).toBe("prefill-0:a prefill-1:b decode-0:7");
    expect(topology({ engine: "sim" }, machineOf(0))).toBe("prefill-0:0 decode-0:1");
    expect(topology({ engine: "sim", pd: "2P1D", tp: "2" }, machineOf(0)))
      .toBe("prefill-0:0,1 prefill-1:2,3 decode-0:4,5");
    expect(topology({ engine: "sim", prefillGpus: "1" }, machineOf(0))).toBe("prefill-0:1 decode-0:0");
    const cpu = machineOf(0, { engine: { name: "vllm", version: "0.32.0+cpu", imports: {}, device: "cpu" } });
    expect(topology({ pd: "1P1D" }, cpu)).toBe("prefill-0:0 decode-0:1");
  });

  test("makePlan() refuses a GPU listed for both roles", () => {
    expect(errors({ prefillGpus: "0,1,2", decodeGpus: "2,3" })).toEqual([{
      what: "GPU 2 is in both --prefill-gpus and --decode-gpus",
      fix: "--prefill-gpus 0,1,2 --decode-gpus 3",
      where: "flag --decode-gpus",
    }]);
  });

  test.each<[Flags, string, string]>([
    [
      { prefillGpus: "0,9", decodeGpus: "1" },
      "Cannot find GPU 9 of --prefill-gpus",
      "--prefill-gpus with ids out of 0,1,2,3",
    ],
    [{ prefillGpus: "0,0", decodeGpus: "1" }, "GPU 0 is listed twice in --prefill-gpus", "--prefill-gpus 0"],
    [
      { prefillGpus: "0-2", decodeGpus: "3", prefillTp: "2" },
      "GPUs 0,1,2 of --prefill-gpus do not divide into workers of 2",
      "--prefill-gpus 0,1",
    ],
    [
      { prefillGpus: "0,1;2", decodeGpus: "3" },
      "GPUs 2 of --prefill-gpus do not divide into workers of 2",
      "--prefill-gpus 0,1",
    ],
    [
      { prefillGpus: "0,1;2,3", decodeGpus: "3", prefillTp: "1" },
      "GPUs 0,1 of --prefill-gpus do not divide into workers of 1",
      "--prefill-gpus 0,1,2,3",
    ],
    [{ prefillGpus: "0,,1", decodeGpus: "3" }, '--prefill-gpus cannot be "0,,1"', "--prefill-gpus 0,1"],
    [{ prefillGpus: "0", decodeGpus: "3-1" }, '--decode-gpus cannot be "3-1"', "--decode-gpus 0,1"],
    [{ pd: "2x2" }, '--pd cannot be "2x2"', "--pd 1P1D"],
    [{ pd: "0P1D" }, '--pd cannot be "0P1D"', "--pd 1P1D"],
    [{ pd: "3P2D" }, "Cannot place 5 GPUs' worth of workers on 4 GPUs", "--pd 1P1D --tp 2"],
    [
      { prefillGpus: "0,1,2", decodeGpus: "3", pd: "2P1D" },
      '--prefill-gpus "0,1,2" makes 3 prefill workers of 1, but --pd asks for 2',
      "leave out --pd, or list 2 GPUs",
    ],
  ])("refuses %j with the fix", (flags, what, fix) => {
    expect(errors(flags).map((error) => [error.what, error.fix])).toContainEqual([what, fix]);
  });

  test("tells a list's mistakes together", () => {
    expect(errors({ prefillGpus: "0,9,9", decodeGpus: "7", pd: "x" }).map(({ what }) => what)).toEqual([
      '--pd cannot be "x"',
      "GPU 9 is listed twice in --prefill-gpus",
      "Cannot find GPU 9 of --prefill-gpus",
      "Cannot find GPU 7 of --decode-gpus",
    ]);
  });

  test("tells of a GPU in both lists although they are wrong otherwise too", () => {
    const what = errors({ prefillGpus: "0,1,1", decodeGpus: "1,9" }, machineOf(4)).map((error) => error.what);
    expect(what).toContain("GPU 1 is in both --prefill-gpus and --decode-gpus");
    expect(what.length).toBe(3);
  });

  test("says so when there is no GPU, or only one", () => {
    expect(errors({}, machineOf(0))).toMatchObject([{ what: "Cannot find a GPU", where: "machine" }]);
    expect(errors({}, machineOf(1))).toMatchObject([{ what: "Cannot place 2 GPUs' worth of workers on 1 GPU" }]);
  });

  test("proposes half and half, says why, and gives what is left over to decode", () => {
    const plan = plannedFor();
    expect(plan.workers.map(({ name, gpus }) => [name, ...gpus])).toEqual([
      ...[["prefill-0", "0"], ["prefill-1", "1"], ["decode-0", "2"], ["decode-1", "3"]],
    ]);
    expect(plan.split).toBe("4 GPUs: prefill 0,1 · decode 2,3 (NVLink between the two)");
    expect(topology({}, machineOf(3))).toBe("prefill-0:0 decode-0:1 decode-1:2");
    expect(topology({ tp: "4" }, machineOf(8))).toBe("prefill-0:0,1,2,3 decode-0:4,5,6,7");
    expect(topology({ decodeTp: "2" }, machineOf(4))).toBe("prefill-0:0 decode-0:1,2");
  });

  test("says nothing of a split that the user made", () => {
    expect(plannedFor({ flags: { prefillGpus: "0", decodeGpus: "1" } }).split).toBeNull();
  });

  test("leaves GPUs out of a proposal while their memory is in use", () => {
    const machine = machineOf(4);
    const gpus = machine.gpus.map((one) => one.id === "0" ? gpu("0", { freeBytes: one.totalBytes / 2 }) : one);
    const plan = plannedFor({ flags: { pd: "1P1D" } }, { ...machine, gpus });
    expect(plan.workers.flatMap((worker) => worker.gpus)).toEqual(["1", "2"]);
    expect(plan.split).toContain("1 left out because their memory is in use");
  });
});
