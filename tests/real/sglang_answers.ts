// What must be the same in two answers of real SGLang engines.

import { expect } from "bun:test";
import type { Answer } from "./requests.ts";

/** Text, tokens, log-probabilities and counts; not ids, times, and whose cache had how much. */
export function essence({ json }: Answer): unknown {
  return JSON.parse(JSON.stringify(json), (name, value) => changing.test(name) ? undefined : value);
}

const changing =
  /^(id|created|metadata|dp_rank|cached_tokens.*|.*_time|.*_ts|.*latency|queue_time|decode_throughput|storage_.*)$/;

/** Log-probabilities differ by what float32 rounds when a prompt is computed in other pieces. */
export function nearly(value: unknown): unknown {
  if (typeof value === "number" && !Number.isInteger(value)) return expect.closeTo(value, 3);
  if (Array.isArray(value)) return value.map(nearly);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, nearly(member)]));
}
