import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { completionCommand } from "../../cli/commands/completion.ts";
import { splitArgv } from "../../cli/split_argv.ts";
import { engines } from "../../supervisor/engines/index.ts";
import { fakeContext } from "./fake_context.ts";

async function scriptFor(shell: string): Promise<string> {
  const argv = ["completion", shell];
  const context = fakeContext();
  expect(await completionCommand({ argv, line: splitArgv(argv, () => engines.vllm), context })).toBe(0);
  return context.said().stdout;
}

/** What bash offers for the last of these words. */
async function offered(words: readonly string[], stateHome: string): Promise<string[]> {
  const ask = `COMP_WORDS=(${words.join(" ")}); COMP_CWORD=${
    words.length - 1
  }; _pdserve; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const bash = Bun.spawn(["bash", "-c", `${await scriptFor("bash")}\n${ask}`], {
    env: { ...process.env, XDG_STATE_HOME: stateHome },
  });
  return (await new Response(bash.stdout).text()).split("\n").filter((line) => line !== "");
}

test("bash completes verbs, flags of verbs, and the workers of the newest run", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pdserve-complete-"));
  const logs = join(folder, "pdserve/runs/latest/logs");
  mkdirSync(logs, { recursive: true });
  for (const worker of ["prefill-0", "decode-0", "decode-1"]) writeFileSync(join(logs, `${worker}.log`), "");
  expect(await offered(["pdserve", "undr"], folder)).toEqual(["undrain"]);
  expect(await offered(["pdserve", "restart", "de"], folder)).toEqual(["decode-0", "decode-1"]);
  expect(await offered(["pdserve", "logs", "--fol"], folder)).toEqual(["--follow"]);
  rmSync(folder, { recursive: true });
});

test("zsh and fish know the verbs whose words are workers", async () => {
  for (const shell of ["zsh", "fish"]) expect(await scriptFor(shell)).toMatch(/restart.drain.undrain.logs/);
});
