// Main memory, shared memory, disk and file handles.

import type { DiagnosisRule } from "../engine.ts";
import { roleFlag } from "./fix_text.ts";

const gib = 2 ** 30;

export const hostMemoryRules: readonly DiagnosisRule[] = [
  {
    id: "cpu-memory-share",
    line:
      /Available memory on node (?<node>\d+) \((?<free>[\d.]+)\/(?<total>[\d.]+) GiB\) on startup is less than desired CPU memory utilization \((?<share>[\d.]+), (?<asked>[\d.]+) GiB\)/,
    why: ({ node, free, total, share, asked }) =>
      `NUMA node ${node} has ${free} of ${total} GiB free; a share of ${share}, ${asked} GiB, was asked`,
    fix: ({ free }, evidence) => roleFlag(evidence, "kv-cache-memory-bytes", halfOf(free)),
    example:
      "(Worker pid=8412) ERROR 11-21 10:40:02 [multiproc_executor.py:953] ValueError: Available memory on node 0 (9.41/20.96 GiB) on startup is less than desired CPU memory utilization (0.92, 19.28 GiB). On the CPU backend, the `--gpu-memory-utilization` flag controls the fraction of CPU memory reserved (despite its name).",
  },
  {
    id: "cpu-memory-kv",
    line:
      /Available memory on node (?<node>\d+) \((?<free>[\d.]+)\/(?<total>[\d.]+) GiB\) on kv cache allocation is less than requested memory for kv \((?<asked>[\d.]+)/,
    why: ({ node, free, asked }) => `the KV cache was to take ${asked} GiB, but NUMA node ${node} has ${free} GiB free`,
    fix: ({ free }, evidence) => roleFlag(evidence, "kv-cache-memory-bytes", halfOf(free)),
    example:
      "(Worker pid=18149) ERROR 11-21 10:48:31 [multiproc_executor.py:1063] ValueError: Available memory on node 0 (16.33/20.96 GiB) on kv cache allocation is less than requested memory for kv (55.88 GiB). Decrease --kv-cache-memory-bytes, VLLM_CPU_KVCACHE_SPACE, or reduce CPU memory used by other processes.",
  },
  {
    id: "shared-memory-small",
    line:
      /Bus error|\/dev\/shm\/.*No space left on device|Error while creating shared memory segment \/dev\/shm\/(?<segment>\S+)/,
    why: () => "shared memory (/dev/shm) is too small for vLLM's processes to talk through",
    fix: () => "start the container with --ipc=host, or with --shm-size 16g",
    example: "NCCL WARN Error while creating shared memory segment /dev/shm/nccl-xxxxx (size 7340384)",
  },
  {
    id: "disk-full",
    line: /(?:OSError: \[Errno 28\] |: )No space left on device(?:: '(?<path>[^']+)')?/,
    why: ({ path }) => (path ? `the disk that holds "${path}" is full` : "a disk that vLLM writes to is full"),
    fix: () => "free space there (df -h), or move the caches: HF_HOME, VLLM_CACHE_ROOT and TMPDIR name them",
    example:
      "OSError: [Errno 28] No space left on device: '/root/.cache/huggingface/hub/models--Qwen--Qwen3-8B/blobs/x'",
  },
  {
    id: "out-of-host-memory",
    line: /Cannot allocate memory|^(?:\(.*?\) )?(?:ERROR .*\] )?MemoryError\b|std::bad_alloc/,
    why: () => "the machine's main memory ran out",
    fix: () => "free main memory (free -g), run fewer workers, or lower --cpu-offload-gb and --kv-cache-memory-bytes",
    example: "OSError: [Errno 12] Cannot allocate memory",
  },
  {
    id: "open-files",
    // vLLM's own warning about a low limit quotes the same error.
    line: /(?<!`)OSError: \[Errno 24\] Too many open files/,
    why: () => "the limit of open files is too low for this many connections",
    fix: () => "raise it in the shell that starts pdserve: ulimit -n 65536",
    example: "OSError: [Errno 24] Too many open files",
  },
];

/** Half of what is free: the other half is for the other workers of the machine, which start at the same time. */
function halfOf(freeGib: string | undefined): number {
  return Math.floor((Number(freeGib) / 2) * 1024) * (gib / 1024);
}
