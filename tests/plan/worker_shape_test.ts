import { expect, test } from "bun:test";
import { shapeOf } from "../../plan/worker_shape.ts";
import { sglang } from "../../supervisor/engines/sglang.ts";
import { vllm } from "../../supervisor/engines/vllm.ts";

const said = (...words: string[]) => [{ words, origin: { is: "default" } as const }];

test("parallel sizes are read in each engine's words and taken out of the user's arguments", () => {
  expect(shapeOf(said("--data-parallel-size", "2", "--seed", "1"), [], vllm).shape).toMatchObject({
    ...{ dp: 2, pp: 1, userArgs: ["--seed", "1"] },
  });
  expect(shapeOf(said("--dp-size", "2", "--pp-size=4"), [], sglang).shape).toMatchObject({
    dp: 2,
    pp: 4,
    userArgs: [],
  });
});

test("SGLang's DP attention takes no GPUs of its own: the size stays an argument", () => {
  const words = ["--enable-dp-attention", "--dp-size", "4", "--ep-size", "4"];
  expect(shapeOf(said(...words), [], sglang).shape).toMatchObject({ dp: 1, userArgs: words });
});
