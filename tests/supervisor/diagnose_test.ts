import { describe, expect, test } from "bun:test";
import { diagnose, outlook } from "../../supervisor/diagnose.ts";
import type { Evidence } from "../../supervisor/engines/engine.ts";
import { vllm } from "../../supervisor/engines/vllm.ts";
import { expectedStarts, linesOf, recordedStarts, startEvidence } from "./vllm_evidence.ts";

const serving = "INFO:     Application startup complete.";

function evidence(lines: readonly string[], differences: Partial<Evidence> = {}): Evidence {
  return { lines, exitCode: 1, signal: null, role: "decode", worker: "decode-1", gpus: ["3"], ...differences };
}

describe("diagnose() of a recorded vLLM start", () => {
  test("has an expectation for every recording", () => {
    expect(recordedStarts()).toEqual(Object.keys(expectedStarts).sort());
  });

  for (const [name, expected] of Object.entries(expectedStarts)) {
    test(`${name}: ${expected.why}`, () => {
      const given = startEvidence(name);
      const { rule, why, fix, line } = diagnose(vllm, given);
      const marked = line === null ? null : given.lines[line]?.replace(vllm.marks?.prefix ?? "", "").trim() ?? null;
      expect({ rule, why, fix }).toEqual({ rule: expected.rule, why: expected.why, fix: expected.fix });
      expect(marked?.startsWith(expected.marks ?? "") ?? null).toBe(expected.marks === null ? null : true);
      expect(vllm.marks?.wrapper.test(marked ?? "")).toBe(false);
    });
  }

  test("gives each failure a sentence of its own", () => {
    const sentences = Object.values(expectedStarts).filter(({ rule }) => rule !== null).map(({ why }) => why);
    expect(new Set(sentences).size).toBe(sentences.length);
  });

  test("names flags of the role that failed", () => {
    expect(diagnose(vllm, startEvidence("tp_3_heads", { role: "prefill" })).fix).toBe("--prefill-tp 2");
    expect(diagnose(vllm, startEvidence("tp_3_heads", { role: "regular" })).fix).toBe("--tp 2");
  });
});

describe("diagnose() of an engine that had served", () => {
  test("does not blame an earlier error of one request for the end", () => {
    const lines = linesOf("died/engine_core_death.log");
    expect(lines.some((line) => line.includes("Remote NIXL agent engine ID mismatch"))).toBe(true);
    const found = diagnose(vllm, evidence(lines, { exitCode: 0 }));
    expect(found).toMatchObject({
      rule: "partial-transfer-params",
      what: "decode-1 ended with exit code 0 without being asked to",
    });
    expect(lines[found.line ?? -1]).toMatch(/AssertionError$/);
  });

  test("says that the engine process died where nothing tells why", () => {
    const lines = [serving, ...linesOf("died/enginecore_kill9_streaming.log")];
    expect(diagnose(vllm, evidence(lines, { exitCode: 0 })).rule).toBe("engine-core-died");
  });

  test("claims no rule when the log stops without a word, whatever stands further up", () => {
    const request = "(Worker pid=1) ERROR 11-21 09:21:19 [x.py:1] zmq.error.Again: Resource temporarily unavailable";
    const found = diagnose(vllm, evidence([serving, request], { exitCode: null, signal: "SIGKILL" }));
    expect(found).toMatchObject({ rule: null, line: null, what: "decode-1 was killed by SIGKILL" });
    expect(found.why).toContain("out-of-memory killer");
    expect(found.fix).toStartWith("dmesg");
  });

  test("knows an engine that answers but will never move KV", () => {
    const lines = [...linesOf("died/lmcache_v1_D_up_but_useless.log"), serving];
    expect(diagnose(vllm, evidence(lines, { exitCode: null })).rule).toBe("lmcache-device");
  });
});

describe("diagnose() of what no rule knows", () => {
  const strange = [
    "(EngineCore pid=1) ERROR 11-21 09:21:12 [core.py:1510] EngineCore failed to start.",
    "(EngineCore pid=1) ERROR 11-21 09:21:12 [core.py:1510]     raise FrobnicationError(",
    "(EngineCore pid=1) ERROR 11-21 09:21:12 [core.py:1510] pkg.FrobnicationError: the frob is gone",
    "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
  ];

  test("quotes and marks the first error, and says where the whole log is", () => {
    const found = diagnose(vllm, evidence(strange, { logPath: "/state/logs/decode-1.log" }));
    expect(found).toMatchObject({ rule: null, line: 2, fix: "read the log: tail -n 200 /state/logs/decode-1.log" });
    expect(found.why).toContain("no rule matched, the log says first: pkg.FrobnicationError: the frob is gone");
  });

  test("names the command to read the log where its path is unknown", () => {
    expect(diagnose(vllm, evidence([])).fix).toBe("read the log: pdserve logs decode-1");
  });

  test("explains exits by signal, also those that a shell reports as a code", () => {
    const whyOf = (end: Partial<Evidence>) => diagnose(vllm, evidence([], { exitCode: null, ...end })).why;
    expect(whyOf({ signal: "SIGKILL" })).toBe(whyOf({ exitCode: 137 }));
    expect(whyOf({ signal: "SIGBUS" })).toContain("/dev/shm");
    expect(whyOf({ signal: "SIGSEGV" })).toContain("crashed");
    expect(whyOf({ exitCode: 127 })).toContain("not found");
    expect(whyOf({ exitCode: 0 })).toContain("exit code 0 when its engine died");
    for (const end of [{ signal: "SIGSTKFLT" }, { exitCode: 42 }, { exitCode: null }]) {
      expect(whyOf(end)).toContain("no rule matched");
    }
  });

  test("does not read errors into a request that a user sent", () => {
    const prompt = "(APIServer pid=1) INFO 11-21 09:21:12 [x.py:1] Received request 7: prompt: 'NCCL error', params: …";
    expect(diagnose(vllm, evidence([prompt])).rule).toBeNull();
  });

  test("comes to an end over long lines of junk", () => {
    const junk = ["x", "1", "a.", "Model architectures ['", "error: argument --a"].map((piece) => piece.repeat(20_000));
    const lines = Array.from({ length: 20 }, () => junk).flat();
    expect(diagnose(vllm, evidence(lines)).rule).toBeNull();
  });

  test("works for an engine without rules", () => {
    expect(diagnose({ rules: [] }, evidence(["ValueError: no"])).line).toBe(0);
  });
});

describe("diagnose() with what is known of the machine", () => {
  const taken =
    "ValueError: Free memory on device cuda:0 (61.2/139.8 GiB) on startup is less than desired GPU memory " +
    "utilization (0.9, 125.8 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.";

  test("names who holds the GPU and the share that fits", () => {
    const holders = [{ pid: 40121, name: "python", bytes: 74.1 * 2 ** 30 }];
    expect(diagnose(vllm, evidence([taken], { holders }))).toMatchObject({
      why: "GPU 3 has 61.2 of 139.8 GiB free; 0.9 of it was asked, held by python (pid 40121) 74.1 GiB",
      fix: "stop pid 40121, or add --decode.gpu-memory-utilization 0.42",
    });
  });

  test("suggests no share of a GPU that is as good as full", () => {
    const full = taken.replace("61.2/", "1.2/");
    expect(diagnose(vllm, evidence([full])).fix).toBe("stop what holds it (nvidia-smi lists the processes)");
  });
});

describe("outlook()", () => {
  test("dooms the starts that were seen to hang for ever", () => {
    const hanging = ["nixl_side_port_in_use", "nixl_side_host_foreign", "nixl_side_port_70000"];
    for (const name of hanging) {
      expect([name, startEvidence(name).lines.filter((line) => outlook(vllm, line) === "doomed").length]).toEqual([
        name,
        1,
      ]);
    }
    expect(linesOf("died/lmcache_v1_D_up_but_useless.log").some((line) => outlook(vllm, line) === "doomed")).toBe(true);
  });

  test("calls an engine dying from the line on which one of its processes failed", () => {
    const lines = linesOf("died/startup_hang_after_worker_error.log");
    const first = lines.findIndex((line) => outlook(vllm, line) !== null);
    expect(lines[first]).toContain("WorkerProc hit an exception");
    expect(outlook(vllm, lines[first] ?? "")).toBe("dying");
  });
});
