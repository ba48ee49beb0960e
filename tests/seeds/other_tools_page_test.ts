// Every command of docs/other-tools.md works on the documents' own samples.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { splitShellWords } from "../../plan/shell_words.ts";
import { errorsOf, typed } from "../plan/dialects/typed.ts";
import { converted } from "./converted.ts";
import { samples } from "./samples.ts";

const page = readFileSync("docs/other-tools.md", "utf8");
const commands = [...page.matchAll(/```bash\n([^`]*)```/g)].flatMap(([, block = ""]) => block.trim().split("\n"));
const files = {
  ...Object.assign({}, ...samples.filter(({ name }) => name !== "pdjob_verbatim").map((sample) => sample.files)),
  "pd.sh": ["producer", "consumer"].map((role) =>
    `vllm serve m --kv-transfer-config '{"kv_connector":"NixlConnector","kv_role":"kv_${role}"}' &\n`
  ).join(""),
};

test("the page has commands for each system", () => {
  expect(commands.length).toBeGreaterThan(8);
});

test.each(commands)("%s", async (command) => {
  const [program, ...argv] = splitShellWords(command) ?? [];
  expect(program).toBe("pdserve");
  if (argv[0] === "convert") expect(await converted(argv, files)).toContain("groups:");
  // A box for the larger of two jobs that share a file's name.
  else expect(errorsOf(await typed(argv, files, 32))).toEqual([]);
});
