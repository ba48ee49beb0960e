import { describe, expect, test } from "bun:test";
import { machineOf, plannedFor, problemsOf, type Wish } from "./wishes.ts";

type Flags = NonNullable<Wish["flags"]>;

function topology(flags: Flags): string {
  return plannedFor({ flags }, machineOf(4)).workers.map(({ name, gpus }) => `${name}:${gpus.join(",")}`).join(" ");
}

describe("--encode-gpus", () => {
  test.each<[string, Flags, string]>([
    ["one encoder a GPU", { encodeGpus: "0,1", pd: "1P1D" }, "encode-0:0 encode-1:1 prefill-0:2 decode-0:3"],
    ["; makes one of several", { encodeGpus: "0,1;2,3", engine: "sim", pd: "1P1D" }, "encode-0:0,1 encode-1:2,3"],
    [
      "leaves the rest to both roles",
      { encodeGpus: "3", prefillGpus: "0" },
      "encode-0:3 prefill-0:0 decode-0:1 decode-1:2",
    ],
    [
      "names without GPUs are taken too",
      { encodeGpus: "0", engine: "sim", pd: "1P1D" },
      "encode-0:0 prefill-0:1 decode-0:2",
    ],
  ])("%s", (_, flags, workers) => {
    expect(topology(flags)).toStartWith(workers);
  });

  test.each<[Flags, string]>([
    [{ encodeGpus: "x,,1" }, '--encode-gpus cannot be "x,,1"'],
    [{ encodeGpus: "7" }, "There is no GPU 7 for an encoder"],
    [{ encodeGpus: "1,1" }, "A GPU is listed twice in --encode-gpus 1,1"],
    [{ encodeGpus: "0", prefillGpus: "0,1", decodeGpus: "2" }, "GPU 0 is in both --encode-gpus and --prefill-gpus"],
    [{ encodeGpus: "2", prefillGpus: "0,1", decodeGpus: "2" }, "GPU 2 is in both --encode-gpus and --decode-gpus"],
  ])("%j is refused: %s", (flags, what) => {
    const errors = problemsOf({ flags }, machineOf(4)).filter(({ severity }) => severity === "error");
    expect(errors.map((problem) => problem.what)).toEqual([what]);
  });
});
