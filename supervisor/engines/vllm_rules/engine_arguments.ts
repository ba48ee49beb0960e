// Arguments vLLM does not take: unknown flags, values outside the choices, parsers, number formats.

import type { DiagnosisRule } from "../engine.ts";
import { roleFlag } from "./fix_text.ts";
import { captureIn } from "./evidence_facts.ts";

export const engineArgumentRules: readonly DiagnosisRule[] = [
  {
    id: "flag-unknown",
    line: /vllm(?: serve)?: error: unrecognized arguments: (?<words>.*)/,
    why: ({ words }) => `this vLLM does not know: ${words}`,
    fix: ({ words }) => `remove ${words?.split(" ", 1)[0]} or correct it; vllm serve --help=all lists the flags`,
    example: "vllm: error: unrecognized arguments: --no-such-flag",
  },
  {
    id: "flag-value-not-a-choice",
    line: /error: argument (?<flag>--[\w-]+)[^:]*: invalid choice: '?(?<value>[^' ]+)'? \(choose from (?<known>.*)\)/,
    why: ({ flag, value }) => `${flag} does not take "${value}"`,
    fix: ({ flag, known = "" }) => {
      const choices = known.split(", ").map((choice) => choice.replaceAll("'", ""));
      const first = choices.includes("auto") ? "auto" : choices[0];
      return `${flag} ${first}, or one of ${choices.filter((choice) => choice !== first).join(", ")}`;
    },
    example:
      "vllm serve: error: argument --dtype: invalid choice: 'float64' (choose from 'auto', 'bfloat16', 'float', 'float16', 'float32', 'half')",
  },
  {
    id: "flag-value-unreadable",
    line: /error: argument (?<flag>--[\w-]+)[^:]*: (?<problem>(?:invalid|expected|ignored explicit).*)/,
    why: ({ flag, problem }) => `${flag}: ${problem}`,
    fix: ({ flag }) => `correct ${flag}; vllm serve --help=${flag?.slice(2)} shows the values it takes`,
    example: "vllm serve: error: argument --max-num-seqs: invalid int value: 'many'",
  },
  {
    id: "parser-unknown",
    line: /invalid (?<kind>tool call|reasoning) parser: (?<name>\S+) \(chose from \{ ?(?<known>[^}]*)/,
    why: ({ kind, name }) => `this vLLM has no ${kind} parser "${name}"`,
    fix: ({ kind, known = "" }) =>
      `--${kind === "reasoning" ? "reasoning-parser" : "tool-call-parser"} with one of: ${someOf(known)}`,
    example: "KeyError: 'invalid tool call parser: nope (chose from { apertus,cohere_command3,hermes })'",
  },
  {
    id: "dtype-not-on-this-gpu",
    line: /Bfloat16 is only supported on GPUs with compute capability of at least \S+ Your (?<gpu>.*?) GPU has compute/,
    why: ({ gpu }) => `${gpu} cannot compute in bfloat16`,
    fix: () => "--dtype half",
    example:
      "ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla T4 GPU has compute capability 7.5. You can use float16 instead by explicitly setting the`dtype` flag in CLI, for example: --dtype=half.",
  },
  {
    id: "quantization-not-on-this-gpu",
    line:
      /quantization method (?<method>\S+) is not supported for the current GPU\. Minimum capability: (?<needs>\d+)\. Current capability: (?<has>\d+)/,
    why: ({ method, needs, has }) =>
      `${method} needs compute capability ${capability(needs)}; this GPU has ${capability(has)}`,
    fix: () => "take a model in another format, such as AWQ or GPTQ",
    example:
      "ValueError: The quantization method fp8 is not supported for the current GPU. Minimum capability: 90. Current capability: 86.",
  },
  {
    id: "quantization-dtype",
    line:
      /torch\.(?<dtype>\w+) is not supported for quantization method (?<method>\S+)\. Supported dtypes: \[(?<known>[^\]]*)\]/,
    why: ({ dtype, method }) => `${method} weights cannot be served as ${dtype}`,
    fix: ({ known = "" }) => `--dtype ${/torch\.(\w+)/.exec(known)?.[1] ?? "auto"}`,
    example:
      "ValueError: torch.bfloat16 is not supported for quantization method awq. Supported dtypes: [torch.float16]",
  },
  {
    id: "quantization-mismatch",
    line:
      /Quantization method specified in the model config \((?<model>\w+)\) does not match the quantization method specified in the `quantization` argument \((?<asked>\w+)\)/,
    why: ({ model, asked }) => `the model is stored as ${model}, but ${asked} was asked`,
    fix: ({ model }) => `leave --quantization out, or say --quantization ${model}`,
    example:
      "ValueError: Quantization method specified in the model config (awq) does not match the quantization method specified in the `quantization` argument (gptq).",
  },
  {
    id: "port-range",
    line: /OverflowError: bind\(\): port must be 0-65535/,
    why: (_, evidence) => `port ${captureIn(evidence, /'port': (\d+)/) ?? "given"} is not a port number`,
    fix: () => "leave --port to pdserve: it is the plan's",
    example: "OverflowError: bind(): port must be 0-65535.",
  },
  {
    id: "vllm-port-uri",
    line: /VLLM_PORT '(?<value>[^']*)' (?:appears to be a URI|must be a valid integer)/,
    why: ({ value }) => `VLLM_PORT is "${value}": Kubernetes sets it for a service called vllm`,
    fix: () => "unset VLLM_PORT before pdserve, or rename the Kubernetes service",
    example:
      "(Worker pid=26218) ERROR 11-21 11:12:14 [multiproc_executor.py:953] ValueError: VLLM_PORT 'tcp://10.0.0.1:8000' appears to be a URI.",
  },
  {
    id: "variable-not-a-number",
    line: /ValueError: invalid literal for int\(\) with base 10: '(?<value>[^']*)'/,
    why: ({ value }) => `an environment variable that must hold a number holds "${value}"`,
    fix: ({ value }) => `find it and unset it: env | grep -E '^(VLLM|OMP|UCX|NCCL)_.*=${value}$'`,
    example:
      "(Worker pid=22520) ERROR 11-21 11:03:00 [multiproc_executor.py:953] ValueError: invalid literal for int() with base 10: 'abc'",
  },
  {
    id: "start-limit-of-vllm",
    line: /Timed out waiting for engine core processes to start(?:.*Waited (?<seconds>\d+)s)?/,
    why: ({ seconds }) =>
      `vLLM's own start limit${seconds ? ` of ${seconds} s` : ""} passed before the model was loaded`,
    fix: ({ seconds }) => `export VLLM_ENGINE_READY_TIMEOUT_S=${Number(seconds ?? 600) * 3} before pdserve`,
    example:
      "TimeoutError: Timed out waiting for engine core processes to start. This is often caused by slow weight loading for large models. Waited 600s (configured by VLLM_ENGINE_READY_TIMEOUT_S).",
  },
  {
    id: "batch-below-length",
    line: /max_num_batched_tokens \((?<batch>\d+)\) is smaller than max_model_len \((?<length>\d+)\)/,
    why: ({ batch, length }) => `one batch of ${batch} tokens cannot take a request of ${length}`,
    fix: ({ length }, evidence) => roleFlag(evidence, "max-num-batched-tokens", length ?? ""),
    example:
      "ValueError: max_num_batched_tokens (2048) is smaller than max_model_len (8192). This effectively limits the maximum sequence length to max_num_batched_tokens and makes vLLM reject longer sequences.",
  },
];

/** The first dozen of a list; the log holds the rest. */
function someOf(known: string): string {
  const names = known.trim().split(",");
  return names.slice(0, 12).join(", ") + (names.length > 12 ? ", … (the log lists all)" : "");
}

/** vLLM writes 8.6 as 86. */
function capability(digits: string | undefined): string {
  return digits ? `${digits.slice(0, -1)}.${digits.slice(-1)}` : "?";
}
