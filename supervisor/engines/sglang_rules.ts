// Known ways for SGLang to fail. Of two rules for one line the first speaks.

import type { DiagnosisRule } from "./engine.ts";
import { argumentOf } from "./vllm_rules/evidence_facts.ts";

const cpuTalk = /--device/;

export const sglangRules: readonly DiagnosisRule[] = [
  {
    id: "sglang-no-gpu",
    line: /RuntimeError: Found no NVIDIA driver on your system/,
    why: () => "SGLang asked for a GPU, and this machine has no driver for one",
    fix: (_, { argv }) =>
      argv?.some((word) => cpuTalk.test(word))
        ? "--kv-connector nixl: Mooncake and the memory saver need CUDA"
        : "--device cpu, or install the driver",
    example:
      "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver from http://www.nvidia.com/Download/index.aspx",
  },
  {
    id: "sglang-empty-prompt",
    line: /RuntimeError: cannot reshape tensor of 0 elements into shape \[0, -1, \d+\]/,
    why: () => "a request without a single prompt token stopped the whole server",
    fix: () => 'send no empty "text"; pdserve refuses those that come through its own port',
    example:
      "RuntimeError: cannot reshape tensor of 0 elements into shape [0, -1, 32] because the unspecified dimension size -1 can be any value and is ambiguous",
  },
  {
    id: "sglang-token-out-of-vocabulary",
    line: /^IndexError: index out of range in self$/,
    why: () => "a request held a token id that the model's vocabulary does not have, which stopped the whole server",
    fix: () => "make the client's tokenizer that of the model",
    example: "IndexError: index out of range in self",
  },
  {
    id: "sglang-no-kv-memory",
    line: /Not enough memory.*--mem-fraction-static|Loading weights exceeds the configured max memory/,
    why: () => "the weights leave no memory for KV within SGLang's share of the GPU",
    fix: () => "--mem-fraction-static 0.9, a larger --tp, or a smaller model",
    example: "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.",
  },
  {
    id: "sglang-gpu-memory",
    line: /OutOfMemoryError: CUDA out of memory/,
    why: (_, { gpus }) => `GPU ${gpus.join(",")} has no memory left`,
    fix: () => "--mem-fraction-static 0.8, or --chunked-prefill-size 2048",
    example: "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
  },
  {
    id: "sglang-port-taken",
    line: /\[Errno 98\].*address already in use|Port \d+ is already in use/i,
    why: (_, evidence) =>
      `port ${argumentOf(evidence, "port") ?? "of the worker"} was taken between the plan and the start`,
    fix: () => "start again: the plan takes a free port",
    example:
      "ERROR:    [Errno 98] error while attempting to bind on address ('127.0.0.1', 31100): address already in use",
  },
  {
    id: "sglang-unknown-argument",
    line: /error: (?:unrecognized arguments:|argument) (?<said>.+)$/,
    why: ({ said }) => `this SGLang does not take ${said}`,
    fix: () => "leave the argument out, or --engine-command with another version",
    example: "launch_server.py: error: unrecognized arguments: --disaggregation-decode-tp 2",
  },
  {
    id: "sglang-missing-module",
    line: /(?:ModuleNotFoundError|ImportError): No module named '(?<module>[\w.]+)'/,
    why: ({ module }) => `the Python module "${module}" is not installed beside SGLang`,
    fix: ({ module }) => `pip install ${(module ?? "").split(".")[0]} in the engine's Python`,
    example: "ModuleNotFoundError: No module named 'nixl'",
  },
  {
    id: "sglang-child-died",
    line: /SIGQUIT received\. .*It usually means one child failed/,
    why: () => "one of SGLang's own processes ended, so it ended all of them",
    fix: () => "read the worker's log above this line",
    example: "[2026-11-21 10:32:07] SIGQUIT received. signum=None, frame=None. It usually means one child failed.",
    consequence: true,
  },
];
