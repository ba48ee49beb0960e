// Where a starting vLLM is, read from its log. Source: start-up logs of 0.32.0, and vLLM's sources for compile and graphs.

import type { Stage } from "./engine.ts";
import { readStage, type StagePatterns } from "./read_stage.ts";

/** Null for a line that tells nothing of progress. Stages may repeat, one for each worker process. */
export function vllmStage(line: string): Stage | null {
  return readStage(line, patterns);
}

const patterns: StagePatterns = [
  ["loading weights", /[Ll]oading .*shards: .*\| (?<done>\d+)\/(?<of>\d+) \[/],
  ["loading weights", /Starting to load model |Loading (?:model )?weights took |Model loading took /],
  ["capturing graphs", /Capturing CUDA graph.*\| (?<done>\d+)\/(?<of>\d+) \[/],
  ["capturing graphs", /Capturing CUDA graph|Graph capturing finished in |CUDA graph pool memory: /],
  [
    "compiling",
    /Using cache directory: .* for vLLM's torch\.compile|Dynamo bytecode transform time: |torch\.compile took /,
  ],
  [
    "compiling",
    /Compiling a graph for |Directly load (?:the compiled graph|AOT compilation)|Warming up model for the comp/,
  ],
  ["sizing KV", /Initial profiling\/warmup run took |Profiling CUDA graph memory: |Available KV cache memory: /],
  ["sizing KV", /KV cache size: [\d,]+ tokens|(?:Explicitly|Auto) set \(.*\) GiB for KV cache|GPU blocks: \d+/],
  ["listening", /Starting vLLM (?:API )?server |Started server process \[|Application startup complete/],
  ["booting", /vLLM (?:API )?server version |non-default args: |Resolved architecture: |Initializing a V1 LLM engine /],
];
