// vLLM. Source: 0.32.0 as it ran, and the project's documentation of earlier versions.

import type { Engine } from "./engine.ts";
import { readKvRoom } from "./read_kv_room.ts";
import { vllmCommand } from "./vllm_command.ts";
import { commonFlags, ownedFlags, sharedFlags } from "./vllm_flags.ts";
import { vllmMarks } from "./vllm_marks.ts";
import { vllmRules } from "./vllm_rules/index.ts";
import { vllmStage } from "./vllm_stage.ts";
import { readInstalled, readVersion, versionCommand } from "./vllm_version.ts";

const kvRoom = /KV cache size: (?<tokens>[\d,]+) tokens(?:, Maximum concurrency for (?<request>[\d,]+) tokens)?/;

export const vllm: Engine = {
  name: "vllm",
  newestKnown: "0.32.0",
  command: vllmCommand,
  // VLLM_PORT is where vLLM's own search for free ports starts; room for the ones that parallel workers take.
  ports: () => [{ purpose: "internal", count: 16, env: "VLLM_PORT", preferred: 21_000 }],
  probe: { path: "/health" },
  stage: vllmStage,
  kvRoom: (line) => readKvRoom(line, kvRoom),
  rules: vllmRules,
  marks: vllmMarks,
  // An idle server is gone in a second; its own chain of SIGTERM and SIGKILL down to the worker processes may take nine.
  stop: { signal: "SIGTERM", graceMs: 15_000 },
  versionCommand,
  readVersion,
  readInstalled,
  commonFlags,
  ownedFlags,
  sharedFlags,
  metrics: {
    promptTokensBySource: "vllm:prompt_tokens_by_source",
    externalSource: "external_kv_transfer",
    localComputeSource: "local_compute",
    running: "vllm:num_requests_running",
    waiting: "vllm:num_requests_waiting",
    kvUsage: "vllm:kv_cache_usage_perc",
    generationTokens: "vllm:generation_tokens",
  },
};
