// The model: not found, not allowed, incomplete, or unlike what was asked of it.

import type { DiagnosisRule } from "../engine.ts";
import { tpFlag } from "./fix_text.ts";
import { captureIn, modelOf } from "./evidence_facts.ts";

export const modelRules: readonly DiagnosisRule[] = [
  {
    id: "model-path-missing",
    line: /HFValidationError: Repo id must be in the form .*: '(?<model>[^']+)'/,
    why: ({ model }) => `"${model}" is neither a folder on this machine nor the form of a Hugging Face model id`,
    fix: () => "correct MODEL: a folder that holds config.json, or an id such as Qwen/Qwen3-8B",
    example:
      "huggingface_hub.errors.HFValidationError: Repo id must be in the form 'repo_name' or 'namespace/repo_name': '/no/such/model'. Use `repo_type` argument if needed.",
  },
  {
    id: "model-gated",
    line:
      /GatedRepoError|(?:401|403) Client Error.*?huggingface\.co\/(?:api\/models\/)?(?<model>[\w.-]+\/[\w.-]+)|You are trying to access a gated repo/,
    why: ({ model }, evidence) =>
      `${model ?? modelOf(evidence)} is gated: its owner must have given your account access`,
    fix: ({ model }, evidence) =>
      `ask for access at https://huggingface.co/${model ?? modelOf(evidence)}, then export HF_TOKEN=… before pdserve`,
    example:
      "OSError: You are trying to access a gated repo. Make sure to have access to it at https://huggingface.co/meta-llama/Llama-3.1-8B.",
  },
  {
    id: "model-unknown",
    line: /RepositoryNotFoundError|(?<model>[\w./-]{1,200}) is not a local folder and is not a valid model identifier/,
    why: ({ model }, evidence) => `Hugging Face has no model "${model ?? modelOf(evidence)}", or it is private`,
    fix: () => "correct MODEL, or export HF_TOKEN=… of an account that may read it",
    example:
      "OSError: Qwen/Qwen3-8BB is not a local folder and is not a valid model identifier listed on 'https://huggingface.co/models'",
  },
  {
    id: "model-not-downloaded",
    line: /LocalEntryNotFoundError|outgoing traffic has been disabled|[Oo]ffline mode is enabled/,
    why: (_, evidence) => `${modelOf(evidence)} is not in the local cache, and downloads are off (HF_HUB_OFFLINE)`,
    fix: (_, evidence) => `hf download ${modelOf(evidence)} where there is a network, or unset HF_HUB_OFFLINE`,
    example:
      "huggingface_hub.errors.LocalEntryNotFoundError: Cannot find an appropriate cached snapshot folder for the specified revision on the local disk and outgoing traffic has been disabled. To enable repo look-ups and downloads online, pass 'local_files_only=False' as input.",
  },
  {
    id: "model-without-config",
    line: /Invalid repository ID or local directory specified: '(?<model>[^']*)'/,
    why: ({ model }) => `"${model}" holds no config.json, so it is not a model folder`,
    fix: ({ model }) => `point MODEL at the folder with config.json: find ${model} -name config.json`,
    example: "  Value error, Invalid repository ID or local directory specified: '/models/noconfig'.",
  },
  {
    id: "model-config-not-json",
    line: /json\.decoder\.JSONDecodeError: (?<problem>.*): line (?<row>\d+) column (?<column>\d+)/,
    why: ({ problem, row, column }, evidence) =>
      `${configFile(evidence) ?? "a JSON file of the model"} is not JSON: ${problem} at line ${row}, column ${column}`,
    fix: (_, evidence) => `repair or download again ${configFile(evidence) ?? "the model's config.json"}`,
    example:
      "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
  },
  {
    id: "model-without-tokenizer",
    line: /Couldn't instantiate the backend tokenizer/,
    why: (_, evidence) => `"${modelOf(evidence)}" holds no tokenizer that can be read`,
    fix: () => "add tokenizer.json to the model folder, or name another: --tokenizer MODEL_WITH_TOKENIZER",
    example: "ValueError: Couldn't instantiate the backend tokenizer from one of:",
  },
  {
    id: "model-without-weights",
    line: /Cannot find any model weights with `(?<model>[^`]*)`/,
    why: ({ model }) => `"${model}" holds no weights (*.safetensors, *.bin or *.pt)`,
    fix: ({ model }) => `finish the download into ${model}, or try the wiring without weights: --load-format dummy`,
    example:
      "(Worker pid=21407) ERROR 11-21 11:00:05 [multiproc_executor.py:953] RuntimeError: Cannot find any model weights with `/models/noweights`",
  },
  {
    id: "model-weights-damaged",
    line: /SafetensorError: (?<problem>.*)/,
    why: ({ problem }, evidence) => `a weight file of "${modelOf(evidence)}" is cut short or damaged: ${problem}`,
    fix: (_, evidence) => `delete the damaged *.safetensors in ${modelOf(evidence)} and download it again`,
    example:
      "(Worker pid=21900) ERROR 11-21 11:02:16 [multiproc_executor.py:953] safetensors._safetensors_rust.SafetensorError: Error while deserializing header: incomplete metadata, file not fully covered",
  },
  {
    id: "model-architecture-unknown",
    line: /Model architectures \['?(?<names>[^\]]*?)'?\] (?:are not supported|failed to be inspected)/,
    why: ({ names }) => `this vLLM does not know the architecture ${names}`,
    fix: () =>
      "take a vLLM that knows it (--engine-command of a newer install), or try --model-impl transformers after --",
    example:
      "  Value error, Model architectures ['FooForCausalLM'] are not supported for now. Supported architectures: dict_keys(['AfmoeForCausalLM'])",
  },
  {
    id: "trust-remote-code",
    line: /`trust_remote_code=True`|requires you to execute the \w+ file in that repo/,
    why: (_, evidence) => `${modelOf(evidence)} brings Python code of its own, which vLLM runs only when told to`,
    fix: () => "read that code, then add --trust-remote-code",
    example:
      "RuntimeError: Failed to load the model config. If the model is a custom model not yet available in the HuggingFace transformers library, consider setting `trust_remote_code=True` in LLM or using the `--trust-remote-code` flag in the CLI.",
  },
  {
    id: "max-model-len-over-model",
    line:
      /User-specified max_model_len \((?<asked>\d+)\) is greater than the derived max_model_len \(\w+=(?<limit>\d+)/,
    why: ({ asked, limit }) => `--max-model-len ${asked} is more than the ${limit} tokens the model was made for`,
    fix: ({ limit }) => `--max-model-len ${limit}`,
    example:
      "  Value error, User-specified max_model_len (100000) is greater than the derived max_model_len (max_position_embeddings=2048.0 or model_max_length=None in model's config.json).",
  },
  {
    id: "tp-does-not-divide-heads",
    line:
      /[Tt]otal number of attention heads \((?<heads>\d+)\) must be divisible by tensor parallel size \((?<tp>\d+)\)/,
    why: ({ heads, tp }) => `the model's ${heads} attention heads cannot be split over ${tp} GPUs`,
    fix: ({ heads, tp }, evidence) => tpFlag(evidence, largestDivisor(Number(heads), Number(tp))),
    example:
      "  Value error, Total number of attention heads (4) must be divisible by tensor parallel size (3). [type=value_error, input_value=ArgsKwargs((), {'model_co... 'shutdown_timeout': 0}), input_type=ArgsKwargs]",
  },
  {
    id: "chat-template-missing",
    line: /chat template string \((?<path>[^)]*)\) appears path-like, but doesn't exist/,
    why: ({ path }) => `the chat template "${path}" does not exist`,
    fix: () => "correct --chat-template, or leave it out to use the model's own",
    example:
      "vllm.exceptions.VLLMValidationError: The supplied chat template string (/no/such/template.jinja) appears path-like, but doesn't exist! Tried: /no/such/template.jinja and /no/such/template.jinja (parameter=chat_template)",
  },
];

function configFile(evidence: { readonly lines: readonly string[] }): string | null {
  return captureIn(evidence, /config file at '([^'{]+)' is not a valid JSON file/);
}

/** The largest size not above `most` that divides `whole`. */
function largestDivisor(whole: number, most: number): number {
  for (let size = most; size > 1; size -= 1) if (whole % size === 0) return size;
  return 1;
}
