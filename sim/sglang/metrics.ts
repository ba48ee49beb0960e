// The counters of a simulated SGLang that pdserve reads, by their real names and labels.

import type { Mode } from "./settings.ts";

export interface Counters {
  prompt(tokens: number): void;
  computed(tokens: number): void;
  moved(tokens: number): void;
  generated(): void;
  running: number;
  text(): string;
}

/** The recorded model's: two layers of K and V, two heads of 32 floats. */
const BYTES_PER_TOKEN = 1024;

export function makeCounters(mode: Mode, modelName: string): Counters {
  let [prompts, computed, moved, transfers, generated] = [0, 0, 0, 0, 0];
  const engineType = mode === "null" ? "unified" : mode;
  const labels = `engine_type="${engineType}",model_name="${modelName}"`;
  const ranks = 'moe_ep_rank="0",pp_rank="0",tp_rank="0"';
  const ranked = `engine_type="${engineType}",model_name="${modelName}",${ranks}`;
  const counters: Counters = {
    running: 0,
    prompt: (tokens) => void (prompts += tokens),
    computed: (tokens) => void (computed += tokens),
    moved: (tokens) => {
      moved += tokens;
      transfers += 1;
    },
    generated: () => void (generated += 1),
    text: () =>
      [
        ...family("prompt_tokens_total", "counter", `${labels.replace(",", ',is_streaming="false",')}`, prompts),
        ...family("generation_tokens_total", "counter", labels.replace(",", ',is_streaming="false",'), generated),
        ...family("realtime_tokens_total", "counter", ranked.replace(",", ',mode="prefill_compute",'), computed),
        ...family("num_running_reqs", "gauge", ranked, counters.running),
        ...family("num_queue_reqs", "gauge", ranked, 0),
        ...family("token_usage", "gauge", ranked, 0),
        ...(mode === "prefill"
          ? [
            "# TYPE sglang:kv_transfer_total_mb histogram",
            `sglang:kv_transfer_total_mb_sum{${ranked}} ${moved * BYTES_PER_TOKEN / 2 ** 20}`,
            `sglang:kv_transfer_total_mb_count{${ranked}} ${transfers}.0`,
          ]
          : []),
        "",
      ].join("\n"),
  };
  return counters;
}

function family(name: string, type: "counter" | "gauge", labels: string, value: number): readonly string[] {
  return [`# TYPE sglang:${name} ${type}`, `sglang:${name}{${labels}} ${value.toFixed(1)}`];
}
