// What the benchmark can be told.

import { parseArgs } from "node:util";

export interface BenchOptions {
  /** Fewer scenarios and shorter windows, to end within two minutes. */
  readonly quick: boolean;
  /** Null for a number that fits the time. */
  readonly repeats: number | null;
  /** Length of one measured window; null for one that fits. */
  readonly seconds: number | null;
  /** Empty for all. */
  readonly routers: readonly string[];
  readonly scenarios: readonly string[];
  /** Where all samples go as JSON; null for nowhere. */
  readonly json: string | null;
}

export const help = `npm run bench -- [--quick] [--routers pdserve,nginx] [--scenarios burst64,paced96]
                 [--repeats 5] [--seconds 5] [--json FILE]`;

export function readOptions(args: readonly string[]): BenchOptions {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { quick: { type: "boolean" }, repeats: text, seconds: text, routers: text, scenarios: text, json: text },
  });
  return {
    quick: values.quick ?? false,
    repeats: values.repeats === undefined ? null : Number(values.repeats),
    seconds: values.seconds === undefined ? null : Number(values.seconds),
    routers: values.routers?.split(",") ?? [],
    scenarios: values.scenarios?.split(",") ?? [],
    json: values.json ?? null,
  };
}
