// Half a minute of `npm run chaos`, with a seed of its own each day, which a failure names.

import { expect, test } from "bun:test";
import { runStorm } from "./chaos/storm.ts";

const seed = Math.floor(Date.now() / 86_400_000);

test(
  `whatever happens to workers, clients get right answers or reasons, and nothing is left (seed ${seed})`,
  async () => {
    const acts: string[] = [];
    const report = await runStorm({
      ...{ seed, durationMs: 30_000, topology: "4P4D", clients: 4 },
      onAct: (text) => acts.push(text),
    });
    expect({ wrong: report.wrong, acts: report.wrong.length > 0 ? acts : [] }).toEqual({ wrong: [], acts: [] });
    expect(report.right).toBeGreaterThan(report.requests / 2);
    expect(acts.length).toBeGreaterThan(10);
  },
  180_000,
);
