// Not enough GPU memory: taken by others, too little for the weights, none left for the KV cache.

import type { DiagnosisRule } from "../engine.ts";
import { gpuText, holdersText, moreGpus, roleFlag } from "./fix_text.ts";
import { argumentOf } from "./evidence_facts.ts";

const mib = 2 ** 20;

export const gpuMemoryRules: readonly DiagnosisRule[] = [
  {
    id: "gpu-memory-taken",
    line:
      /Free memory on device.*\((?<free>[\d.]+)\/(?<total>[\d.]+) GiB\) on startup is less than desired GPU memory utilization \((?<share>[\d.]+)/,
    why: ({ free, total, share }, evidence) => {
      const held = holdersText(evidence);
      return `${gpuText(evidence)} has ${free} of ${total} GiB free; ${share} of it was asked` +
        (held ? `, ${held}` : "");
    },
    fix: ({ free, total }, evidence) => {
      const stop = evidence.holders?.length
        ? `stop pid ${evidence.holders.map(({ pid }) => pid).join(", ")}`
        : "stop what holds it (nvidia-smi lists the processes)";
      const fits = Math.floor((Number(free) / Number(total)) * 100 - 1) / 100;
      return fits < 0.1 ? stop : `${stop}, or add ${roleFlag(evidence, "gpu-memory-utilization", fits.toFixed(2))}`;
    },
    example:
      "(EngineCore_DP0 pid=972) ERROR 01-28 15:59:42 [core.py:935] ValueError: Free memory on device cuda:0 (1.53/22.05 GiB) on startup is less than desired GPU memory utilization (0.9, 19.84 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.",
  },
  {
    id: "warmup-out-of-memory",
    line: /CUDA out of memory occurred when warming up (?:sampler|pooler) with (?<seqs>\d+) dummy requests/,
    why: ({ seqs }) => `a warm-up batch of ${seqs} requests does not fit beside the weights`,
    fix: ({ seqs }, evidence) => roleFlag(evidence, "max-num-seqs", Math.max(1, Math.floor(Number(seqs) / 2))),
    example:
      "(EngineCore pid=310) ERROR 10-02 08:11:40 [core.py:708] RuntimeError: CUDA out of memory occurred when warming up sampler with 1024 dummy requests. Please try lowering `max_num_seqs` or `gpu_memory_utilization` when initializing the engine.",
  },
  {
    id: "gpu-out-of-memory",
    line:
      /(?:OutOfMemoryError: |RuntimeError: )(?:CUDA|HIP|XPU) out of memory(?:\. Tried to allocate (?<asked>[\d.]+ \wiB))?/,
    why: ({ asked }, evidence) =>
      `${gpuText(evidence)} ran out of memory` + (asked ? ` when ${asked} more was asked` : "") +
      ": the model, its KV cache and one batch do not fit together",
    fix: (_, evidence) =>
      `spread the model over more GPUs with ${moreGpus(evidence)}, or add ${roleFlag(evidence, "max-num-seqs", 64)}`,
    example:
      "(EngineCore pid=104) ERROR 05-05 12:36:59 [core.py:1140] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 50.00 MiB. GPU 0 has a total capacity of 23.56 GiB of which 56.88 MiB is free. Including non-PyTorch memory, this process has 23.49 GiB memory in use.",
  },
  {
    id: "no-kv-memory",
    line: /No available memory for the cache blocks/,
    why: (_, evidence) =>
      `the weights take the whole share of ${gpuText(evidence)} that vLLM may use; no KV cache is left`,
    fix: (_, evidence) =>
      `add ${roleFlag(evidence, "gpu-memory-utilization", "0.95")}, or spread the model with ${moreGpus(evidence)}`,
    example:
      "(EngineCore pid=1) ERROR 11-02 10:02:11 [core.py:843] ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.",
  },
  {
    id: "kv-room",
    line:
      /To serve at least one request with the models?(?:'s)? max seq len \((?<asked>\d+)\).*?estimated maximum model length is (?<fits>\d+)/,
    why: ({ asked, fits }) => `the KV cache holds ${fits} tokens, less than one request of ${asked}`,
    fix: ({ asked, fits }, evidence) => {
      const bytes = Number(argumentOf(evidence, "kv_cache_memory_bytes") ?? 0);
      const enough = Math.ceil((bytes * Number(asked)) / Number(fits) / mib) * mib;
      return `--max-model-len ${fits}` + (bytes ? `, or ${roleFlag(evidence, "kv-cache-memory-bytes", enough)}` : "");
    },
    example:
      "(EngineCore pid=17865) ERROR 11-21 10:45:21 [core.py:1510] ValueError: To serve at least one request with the model's max seq len (1024), (0.0 GiB KV cache is needed, which is larger than the available KV cache memory (0.0 GiB). Based on the available memory, the estimated maximum model length is 448. Try increasing `gpu_memory_utilization`",
  },
  {
    id: "kv-room-unknown",
    line:
      /To serve at least one request with the models?(?:'s)? max seq len \((?<asked>\d+)\), \((?<needed>[\d.]+) GiB KV/,
    why: ({ asked, needed }) => `one request of ${asked} tokens needs ${needed} GiB of KV cache, more than there is`,
    fix: ({ asked }, evidence) =>
      `--max-model-len ${Math.floor(Number(asked) / 2)}, or ${roleFlag(evidence, "gpu-memory-utilization", "0.95")}`,
    example:
      "(EngineCore pid=8) ERROR 11-21 10:45:21 [core.py:1510] ValueError: To serve at least one request with the model's max seq len (131072), (16.0 GiB KV cache is needed, which is larger than the available KV cache memory (0.01 GiB). Try increasing `gpu_memory_utilization`",
  },
  {
    id: "kv-room-old",
    line:
      /max seq len \((?<asked>\d+)\) is larger than the maximum number of tokens that can be stored in KV cache \((?<room>\d+)\)/,
    why: ({ asked, room }) => `the KV cache holds ${room} tokens, less than one request of ${asked}`,
    fix: ({ room }) => `--max-model-len ${Math.floor(Number(room) / 16) * 16}`,
    example:
      "ValueError: The model's max seq len (32768) is larger than the maximum number of tokens that can be stored in KV cache (14976). Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine.",
  },
  {
    id: "memory-changed-while-measuring",
    line:
      /Error in memory profiling\. Initial free memory (?<before>[\d.]+)(?: GiB)?, current free memory (?<after>[\d.]+)/,
    why: ({ before, after }, evidence) =>
      `free memory of ${
        gpuText(evidence)
      } grew from ${before} to ${after} GiB while vLLM measured it: another process was ending there`,
    fix: () => "start again once the other process is gone (nvidia-smi lists them)",
    example:
      "(EngineCore pid=77) ERROR 03-11 17:20:05 [core.py:866] AssertionError: Error in memory profiling. Initial free memory 43.12 GiB, current free memory 78.63 GiB. This happens when other processes sharing the same container release GPU memory while vLLM is profiling during initialization.",
  },
];
