import { describe, expect, test } from "bun:test";
import { runCommand } from "../../../plan/probe/run_command.ts";

describe("runCommand()", () => {
  test("gives output and exit code", async () => {
    expect(await runCommand(["sh", "-c", "echo out; echo err >&2; exit 3"], 10_000))
      .toEqual({ is: "ended", code: 3, stdout: "out\n", stderr: "err\n" });
  });

  test("says when there is no such program", async () => {
    expect(await runCommand(["pdserve-no-such-program"], 10_000)).toEqual({ is: "missing" });
  });

  test("answers at its limit though the program and its children go on", async () => {
    expect(await runCommand(["sh", "-c", "sleep 5 & wait"], 20)).toEqual({ is: "too-slow" });
  });
});
