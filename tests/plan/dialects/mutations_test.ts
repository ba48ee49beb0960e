// The documents' samples, damaged line by line: whatever a file says, the answer is a plan or problems that tell what to do.

import { expect, test } from "bun:test";
import { type SeededRandom, seededRandom } from "../../fuzz/seeded_random.ts";
import { samples } from "../../seeds/samples.ts";
import { typed } from "./typed.ts";

const rounds = 25;
const values = [
  "",
  "null",
  "-1",
  "0",
  "1e9",
  "[]",
  "{}",
  "true",
  "text",
  '"',
  "{PORT}",
  "*x",
  "&a [*a]",
  "7000000000000000000",
];

function damaged(text: string, random: SeededRandom): string {
  const lines = text.split("\n");
  const at = random.below(lines.length);
  const line = lines[at] ?? "";
  switch (random.pick(["drop", "twice", "value", "cut", "swap", "indent"])) {
    case "drop":
      return lines.toSpliced(at, 1).join("\n");
    case "twice":
      return lines.toSpliced(at, 0, line).join("\n");
    case "value":
      return lines.with(at, line.replace(/([:=]\s*).*$/, `$1${random.pick(values)}`)).join("\n");
    case "cut":
      return text.slice(0, random.below(text.length));
    case "swap":
      return lines.with(at, random.pick(lines)).join("\n");
    default:
      return lines.with(at, ` ${line}`).join("\n");
  }
}

test.each(samples.filter(({ files }) => Object.keys(files).length > 0).map((sample) => [sample.name, sample] as const))(
  "%s, damaged, is planned or told what is wrong",
  async (_name, { argv, files, gpus }) => {
    const random = seededRandom(7);
    const [[name, text]] = Object.entries(files) as [[string, string]];
    for (let round = 0; round < rounds; round++) {
      const broken = damaged(random.chance(0.5) ? text : damaged(text, random), random);
      const { planned, problems } = await typed(argv, { [name]: broken }, gpus);
      for (const { what, why, fix, where } of problems) {
        const bad = [what, why, fix, where].filter((part) => part.length === 0 || /undefined|\[object|NaN/.test(part));
        expect(bad.length > 0 ? { bad, what, broken } : null).toBeNull();
      }
      if (planned.is === "impossible") expect(problems.some(({ severity }) => severity === "error")).toBe(true);
    }
  },
);
