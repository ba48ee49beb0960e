import { expect, test } from "bun:test";
import { readVerbLine } from "../../cli/verb_line.ts";
import { verbs } from "../../cli/verbs.ts";

const read = (argv: readonly string[], env: Record<string, string> = {}) => readVerbLine(argv, verbs.logs.flags, env);

test("readVerbLine() tells operands from flags, wherever they stand", () => {
  const line = read(["logs", "-f", "decode-0", "--since", "10m", "prefill-0", "--grep=ERROR", "-n", "5"]);
  expect(line.operands).toEqual(["decode-0", "prefill-0"]);
  expect([line.has("follow"), line.has("json")]).toEqual([true, false]);
  expect([line.text("since"), line.text("grep"), line.text("lines")]).toEqual(["10m", "ERROR", "5"]);
  expect(line.problems).toEqual([]);
});

test("readVerbLine() takes which run is meant from the environment, and a flag before it", () => {
  expect(read(["logs"], { PDSERVE_NAME: "a" }).text("name")).toBe("a");
  expect(read(["logs", "--name", "b"], { PDSERVE_NAME: "a" }).text("name")).toBe("b");
});

test("readVerbLine() tells of an unknown flag with the nearest, and of a value that is missing", () => {
  expect(read(["logs", "--sinc", "10m"]).problems[0]).toMatchObject({ what: 'Unknown flag "--sinc"', fix: "--since" });
  expect(read(["logs", "--since"]).problems[0]).toMatchObject({ what: "Give --since a value", fix: "--since TIME" });
});
