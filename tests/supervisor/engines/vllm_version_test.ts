import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readInstalled, readVersion, versionCommand } from "../../../supervisor/engines/vllm_version.ts";

describe("versionCommand() asks the Python that vllm runs in", () => {
  const pythonOf = (command: string[], scriptHead?: string) => {
    const argv = versionCommand(command, { scriptHead });
    return argv.slice(0, argv.indexOf("-c"));
  };

  test("beside a script given by its path", () => {
    expect(pythonOf(["/opt/venv/bin/vllm"])).toEqual(["/opt/venv/bin/python"]);
    expect(pythonOf(["numactl", "-N0", "/opt/venv/bin/vllm"])).toEqual(["numactl", "-N0", "/opt/venv/bin/python"]);
  });

  test("named in the script's first line", () => {
    expect(pythonOf(["/usr/local/bin/vllm"], "#!/opt/venv/bin/python3.12\n# -*-")).toEqual([
      "/opt/venv/bin/python3.12",
    ]);
    expect(pythonOf(["vllm"], "#!/usr/bin/env python3\n")).toEqual(["/usr/bin/env", "python3"]);
    expect(pythonOf(["vllm"], `#!/bin/sh\n'''exec' "/a long/bin/python" "$0" "$@"\n' '''\n`)).toEqual([
      "/a long/bin/python",
    ]);
  });

  test("through the launcher, or of a module run", () => {
    expect(pythonOf(["uv", "run", "vllm"])).toEqual(["uv", "run", "python"]);
    expect(pythonOf(["python3", "-m", "vllm.entrypoints.cli.main"])).toEqual(["python3"]);
    expect(pythonOf(["/v/bin/python", "/v/bin/vllm"])).toEqual(["/v/bin/python"]);
  });

  test("and asks vllm itself when its place is unknown, or a shell script hides it", () => {
    expect(versionCommand(["vllm"])).toEqual(["vllm", "--version"]);
    expect(versionCommand(["vllm"], { scriptHead: "#!/bin/bash\nexec docker …" })).toEqual(["vllm", "--version"]);
  });
});

describe("readVersion()", () => {
  test("reads what `vllm --version` prints below its warnings", () => {
    const output = "W1121 11:56:30.379000 11106 torch/utils/flop_counter.py:29] triton not found\n0.32.0+cpu\n";
    expect(readVersion(output)).toBe("0.32.0+cpu");
    expect(readVersion("vllm 0.11.1rc2.dev3+g1234\n")).toBe("0.11.1rc2.dev3+g1234");
  });

  test("says nothing of other output", () => {
    expect(readVersion("Traceback (most recent call last):\nImportError: libcuda.so.1")).toBeNull();
    expect(readVersion("")).toBeNull();
  });
});

describe("readInstalled()", () => {
  test("reads version, build and modules from the inspection", () => {
    const output = `warning\n{"vllm": "0.32.0+cpu", "device": "cpu", "imports": {"nixl": "1.5.1", "mooncake": null}}\n`;
    expect(readInstalled(output)).toEqual({
      ...{ name: "vllm", version: "0.32.0+cpu", device: "cpu" },
      imports: { nixl: "1.5.1", mooncake: null },
    });
    expect(readVersion(output)).toBe("0.32.0+cpu");
  });

  test("finds no engine where the Python has none", () => {
    expect(readInstalled(`{"vllm": null, "device": "cuda", "imports": {}}`)).toBeNull();
  });

  const python = spawnSync("python3", ["--version"]).status === 0;
  test.skipIf(!python)("understands what the inspection really prints (skipped where there is no python3)", () => {
    const [, ...words] = versionCommand(["/anywhere/bin/vllm"], { modules: ["json", "no_such_module"] });
    const { stdout } = spawnSync("python3", words, { encoding: "utf8" });
    expect(JSON.parse(stdout)).toMatchObject({ imports: { json: "unknown", no_such_module: null } });
  });
});
