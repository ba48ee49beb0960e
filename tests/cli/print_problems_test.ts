import { expect, test } from "bun:test";
import { exitCodeOf, problemsText } from "../../cli/print_problems.ts";
import { paintFor } from "../../cli/render/color.ts";
import type { Problem } from "../../plan/problem.ts";

const twice: Problem = {
  what: "GPU 2 is in both --prefill-gpus and --decode-gpus",
  why: "a GPU runs one role",
  fix: "--prefill-gpus 0,1 --decode-gpus 2,3",
  where: "flag --decode-gpus",
  severity: "error",
};
const typo: Problem = {
  what: 'Ignore the environment variable "PDSERVE_POR"',
  why: "no setting has this name",
  fix: "PDSERVE_PORT=…",
  where: "env PDSERVE_POR",
  severity: "warning",
};

test("problemsText() tells what, why, fix and where, the errors last", () => {
  expect(problemsText([twice, typo], paintFor(false), 80)).toBe(`! Ignore the environment variable "PDSERVE_POR"
  why:   no setting has this name
  fix:   PDSERVE_PORT=…
  where: env PDSERVE_POR
pdserve: GPU 2 is in both --prefill-gpus and --decode-gpus
  why:   a GPU runs one role
  fix:   --prefill-gpus 0,1 --decode-gpus 2,3
  where: flag --decode-gpus
`);
});

test("exitCodeOf() puts bad usage before a missing engine before a start that cannot be", () => {
  expect(exitCodeOf([typo])).toBe(0);
  expect(exitCodeOf([{ ...twice, exitCode: 1 }])).toBe(1);
  expect(exitCodeOf([{ ...twice, exitCode: 1 }, { ...twice, exitCode: 69 }])).toBe(69);
  expect(exitCodeOf([{ ...twice, exitCode: 69 }, { ...twice, exitCode: 2 }, typo])).toBe(2);
});
