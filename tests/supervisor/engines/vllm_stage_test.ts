import { expect, test } from "bun:test";
import type { Stage } from "../../../supervisor/engines/engine.ts";
import { vllmStage } from "../../../supervisor/engines/vllm_stage.ts";

const worker = "(Worker_TP0 pid=411) INFO 10-11 22:28:17 [file.py:1] ";

const told: readonly (readonly [string, Stage | null])[] = [
  ["(APIServer pid=1) INFO 10-11 22:28:17 [api_utils.py:286] non-default args: {'port': 1}", { name: "booting" }],
  [`${worker}vLLM API server version 0.11.0`, { name: "booting" }],
  [`${worker}Starting to load model Qwen/Qwen3-8B...`, { name: "loading weights" }],
  ["Loading safetensors checkpoint shards:  25% Completed | 1/4 [00:02<00:06,  2.1s/it]", {
    ...{ name: "loading weights", done: 1, of: 4 },
  }],
  ["(Worker_TP0 pid=411) Loading pt checkpoint shards: 100% Completed | 2/2 [00:09<00:00,  4.5s/it]", {
    ...{ name: "loading weights", done: 2, of: 2 },
  }],
  [`${worker}Using cache directory: /c/rank_0_0/backbone for vLLM's torch.compile`, { name: "compiling" }],
  [`${worker}Dynamo bytecode transform time: 5.14 s`, { name: "compiling" }],
  [`${worker}Available KV cache memory: 55.1 GiB`, { name: "sizing KV" }],
  [`${worker}GPU KV cache size: 450,000 tokens, Maximum concurrency for 8,192 tokens`, { name: "sizing KV" }],
  ["Capturing CUDA graphs (decode, FULL):  34%|███▍      | 12/35 [00:01<00:02, 11.5it/s]", {
    ...{ name: "capturing graphs", done: 12, of: 35 },
  }],
  [`${worker}Graph capturing finished in 5 secs, took 0.51 GiB`, { name: "capturing graphs" }],
  [`${worker}Starting vLLM server on http://127.0.0.1:8101`, { name: "listening" }],
  ["INFO:     Application startup complete.", { name: "listening" }],
  [`${worker}Enforce eager set, disabling torch.compile, CUDAGraphs, and JIT kernel warmup`, null],
  ['INFO:     127.0.0.1:48016 - "GET /health HTTP/1.1" 200 OK', null],
  ["", null],
];

for (const [line, stage] of told) {
  test(`vllmStage() of "${line.slice(0, 70)}" is ${stage?.name ?? "nothing"}`, () => {
    expect(vllmStage(line)).toEqual(stage);
  });
}
