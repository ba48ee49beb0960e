// Where a starting SGLang is, read from its log. Source: start-up logs of 0.5.23 on a CPU, and its sources for graphs.

import type { Stage } from "./engine.ts";
import { readStage, type StagePatterns } from "./read_stage.ts";

/** Null for a line that tells nothing of progress. */
export function sglangStage(line: string): Stage | null {
  return readStage(line, patterns);
}

const patterns: StagePatterns = [
  // A bar may come twice on one line; the last one counts.
  ["loading weights", /loading .*shards: .*\| (?<done>\d+)\/(?<of>\d+) \[/],
  ["loading weights", /Load weight (?:begin|end)\b/],
  ["capturing graphs", /Capturing batches .*\| (?<done>\d+)\/(?<of>\d+) \[/],
  ["capturing graphs", /Capture .*graph (?:begin|end)\b/],
  ["sizing KV", /KV Cache is allocated|Memory pool end|max_total_num_tokens=\d/],
  ["listening", /Uvicorn running on |Start of pd disaggregation warmup|The server is fired up and ready to roll/],
  ["booting", /server_args=|Init parallel (?:begin|ends)|Init torch distributed (?:begin|ends)/],
];
