// SGLang. Source: 0.5.23 as it ran on a CPU, and its sources.

import type { Engine } from "./engine.ts";
import { readKvRoom } from "./read_kv_room.ts";
import { sglangCommand } from "./sglang_command.ts";
import { commonFlags, ownedFlags, sharedFlags, sizeFlags } from "./sglang_flags.ts";
import { sglangMarks } from "./sglang_marks.ts";
import { sglangRules } from "./sglang_rules.ts";
import { whyUselessSglangVariable } from "./sglang_variables.ts";
import { sglangStage } from "./sglang_stage.ts";
import { readInstalled, readVersion, versionCommand } from "./sglang_version.ts";

/** Every tensor-parallel rank tells it; the first one of each data-parallel rank counts. */
const kvRoom = /^(?!\[[^\]]* TP[1-9]).*max_total_num_tokens=(?<tokens>\d+),.* context_len=(?<request>\d+)/;

export const sglang: Engine = {
  name: "sglang",
  newestKnown: "0.5.23",
  command: sglangCommand,
  // It makes a token, so it takes a second on an idle server and longer on a busy one.
  probe: { path: "/health", limitMs: 20_000 },
  stage: sglangStage,
  kvRoom: (line) => readKvRoom(line, kvRoom),
  rules: sglangRules,
  marks: sglangMarks,
  // An idle prefill worker takes 18 s: it waits 15 s for schedulers that wait for decode. All of the group signalled at
  // once looks like a crash to it.
  stop: { signal: "SIGTERM", graceMs: 30_000, only: "leader" },
  versionCommand,
  readVersion,
  readInstalled,
  commonFlags,
  ownedFlags,
  sharedFlags,
  sizeFlags,
  dpInsideTp: "--enable-dp-attention",
  whyUselessVariable: whyUselessSglangVariable,
  metrics: {
    // Prefill's tokens are counted on prefill; of decode's own share only what it computed is told.
    promptTokensBySource: "sglang:prompt_tokens",
    sourceLabel: "engine_type",
    externalSource: "decode",
    localComputeSource: "prefill",
    recomputed: { metric: "sglang:realtime_tokens", labels: 'mode="prefill_compute"' },
    running: "sglang:num_running_reqs",
    waiting: "sglang:num_queue_reqs",
    kvUsage: "sglang:token_usage",
    generationTokens: "sglang:generation_tokens",
  },
};
