// Says nothing unless something is wrong.

import { problemLines } from "../print_problems.ts";
import { paintFor } from "./color.ts";
import { failureBlock, refutedLine } from "./failure_block.ts";
import { blankPicture, pictureAfter } from "./fleet_picture.ts";
import type { Reporter, Screen } from "./reporter.ts";

export function quietReporter(screen: Screen): Reporter {
  const paint = paintFor(screen.color);
  const print = (lines: readonly string[]) => screen.write(lines.map((line) => line + "\n").join(""));
  let picture = blankPicture;
  return {
    event(event) {
      picture = pictureAfter(picture, event, 0);
      const style = { columns: Infinity, paint };
      if (event.type === "warning") print(problemLines(event.problem, paint, style.columns));
      if (event.type === "failed") print(failureBlock(event.failure, picture.plan, style));
      if (event.type === "proof" && event.proof.is === "refuted") print([refutedLine(event.proof, style)]);
    },
    end() {},
  };
}
