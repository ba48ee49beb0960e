import { describe, expect, test } from "bun:test";
import { checkEncoders } from "../../plan/check_encoders.ts";
import { sglang } from "../../supervisor/engines/sglang.ts";
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

describe("SGLang's encoders", () => {
  const flags: Flags = { encodeGpus: "0,1", pd: "2P1D", engine: "sim-sglang" };

  test("are known to each prefill worker by address, which listens on a port of its own; decode knows none", () => {
    const { workers } = plannedFor({ flags }, machineOf(8));
    const after = (name: string, flag: string, count = 1) => {
      const argv = workers.find((worker) => worker.name === name)?.argv ?? [];
      const at = argv.indexOf(flag);
      return at < 0 ? null : argv.slice(at + 1, at + 1 + count);
    };
    const urls = ["encode-0", "encode-1"].map((name) => `http://127.0.0.1:${after(name, "--port")?.[0]}`);
    expect(after("encode-0", "--encoder-only", 0)).toEqual([]);
    expect(after("encode-0", "--disaggregation-mode")).toBeNull();
    for (const name of ["prefill-0", "prefill-1"]) expect(after(name, "--encoder-urls", 2)).toEqual(urls);
    expect(after("prefill-0", "--encoder-bootstrap-port")).not.toEqual(after("prefill-1", "--encoder-bootstrap-port"));
    expect(after("decode-0", "--encoder-urls")).toBeNull();
  });

  test("of a version whose arguments pdserve does not know are refused, with that version", () => {
    const [problem] = checkEncoders([{ role: "encode" }], sglang, "0.5.3");
    expect(problem).toMatchObject({ what: "Cannot start an encoder worker of sglang 0.5.3", severity: "error" });
    expect(checkEncoders([{ role: "encode" }], sglang, "0.5.23")).toEqual([]);
  });
});
