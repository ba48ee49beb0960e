import { describe, expect, test } from "bun:test";
import { importModules } from "../../../plan/probe/import_modules.ts";
import type { CommandAnswer } from "../../../plan/probe/run_command.ts";
import { vllm } from "../../../supervisor/engines/vllm.ts";

const modules = ["nixl", "vllm:NixlConnector"];

async function asked(answer: CommandAnswer, command: readonly string[] = ["/venv/bin/vllm"]) {
  const commands: (readonly string[])[] = [];
  const run = (words: readonly string[]) => (commands.push(words), Promise.resolve(answer));
  return { found: await importModules({ engine: vllm, command, modules }, "", run), commands };
}

function ended(stdout: string, stderr = ""): CommandAnswer {
  return { is: "ended", code: 0, stdout, stderr };
}

describe("importModules()", () => {
  test("imports in the Python that stands beside the engine's script", async () => {
    const { commands } = await asked(ended("{}"));
    expect(commands[0]?.[0]).toBe("/venv/bin/python");
    expect(commands[0]?.slice(-2)).toEqual(modules);
  });

  test("reads the last line, whatever the modules print before it", async () => {
    const line = '{"nixl": {"version": "1.5.1"}, "vllm:NixlConnector": {"error": "ImportError: x"}}';
    const { found } = await asked(ended(`INFO importing\n{"not": "it"}\n${line}\n`));
    expect(found).toEqual({ nixl: { version: "1.5.1" }, "vllm:NixlConnector": { error: "ImportError: x" } });
  });

  test("answers for all modules when one of them ends the process", async () => {
    const { found } = await asked(ended("", "warming up\nFatal Python error: Segmentation fault\n"));
    expect(found).toEqual(
      Object.fromEntries(modules.map((name) => [name, { error: "Fatal Python error: Segmentation fault" }])),
    );
  });

  test("says so when the Python does not run or never answers", async () => {
    expect((await asked({ is: "missing" })).found.nixl).toEqual({ error: "its Python does not run" });
    expect((await asked({ is: "too-slow" })).found.nixl).toEqual({ error: "no answer in 180 s" });
  });

  test("tries nothing where it cannot be told which Python it is", async () => {
    const { found, commands } = await asked(ended("{}"), ["vllm"]);
    expect([found, commands]).toEqual([{}, []]);
  });
});
