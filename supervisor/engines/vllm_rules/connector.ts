// KV connectors: names, configuration, packages, and devices they do not run on.

import type { DiagnosisRule, Evidence } from "../engine.ts";
import { argumentOf, captureIn, kvConfigText } from "./evidence_facts.ts";

export const connectorRules: readonly DiagnosisRule[] = [
  {
    id: "connector-removed",
    line: /Unsupported connector type: (?<name>P2pNcclConnector)/,
    why: () => "vLLM removed P2pNcclConnector in 0.23",
    fix: () => "--kv-connector NixlConnector, or a vLLM below 0.23 by --engine-command",
    example:
      "  Value error, Unsupported connector type: P2pNcclConnector [type=value_error, input_value=ArgsKwargs((), {'model_co... 'shutdown_timeout': 0}), input_type=ArgsKwargs]",
  },
  {
    id: "connector-renamed",
    line: /Unsupported connector type: (?<name>SharedStorageConnector)/,
    why: () => "this vLLM calls SharedStorageConnector ExampleConnector",
    fix: () => "--kv-connector ExampleConnector",
    example:
      "  Value error, Unsupported connector type: SharedStorageConnector [type=value_error, input_value=ArgsKwargs((), {'model_co... 'shutdown_timeout': 0}), input_type=ArgsKwargs]",
  },
  {
    id: "connector-unknown",
    line: /Unsupported connector type: (?<name>\w+)/,
    why: ({ name }) => `this vLLM has no connector "${name}"`,
    fix: () => "--kv-connector auto, or a connector's exact name, such as NixlConnector",
    example:
      "  Value error, Unsupported connector type: FooConnector [type=value_error, input_value=ArgsKwargs((), {'model_co... 'shutdown_timeout': 0}), input_type=ArgsKwargs]",
  },
  {
    id: "kv-role-missing",
    line: /Please specify kv_role when kv_connector is set/,
    why: () => "the KV transfer configuration names a connector but no kv_role",
    fix: () => 'leave kv_role to pdserve, or add it: "kv_role": "kv_both"',
    example:
      "  Value error, Please specify kv_role when kv_connector is set, supported roles are ('kv_producer', 'kv_both', 'kv_consumer') [type=value_error, input_value={'kv_connector': 'NixlConnector'}, input_type=dict]",
  },
  {
    id: "kv-role-unknown",
    line: /Input should be 'kv_\w+'.*input_value='(?<value>[^']*)'/,
    why: ({ value }) => `kv_role cannot be "${value}"`,
    fix: () => "use kv_producer for prefill, kv_consumer for decode, or kv_both",
    example:
      "  Input should be 'kv_producer', 'kv_both' or 'kv_consumer' [type=literal_error, input_value='kv_prefill', input_type=str]",
  },
  {
    id: "kv-policy-unknown",
    line: /Input should be '(?:recompute|fail)' or '\w+'.*input_value='(?<value>[^']*)'/,
    why: ({ value }) => `kv_load_failure_policy cannot be "${value}"`,
    fix: () => "use fail, or recompute",
    example: "  Input should be 'recompute' or 'fail' [type=literal_error, input_value='retry', input_type=str]",
  },
  {
    id: "kv-config-not-json",
    line: /Invalid JSON: (?<problem>.*?) at line (?<row>\d+) column (?<column>\d+) \[type=json_invalid/,
    why: ({ problem, column }, evidence) => `${jsonFlag(evidence)} is not JSON: ${problem} at column ${column}`,
    fix: ({ problem }) =>
      problem?.includes("key must be a string")
        ? `put keys and text in double quotes, the whole in single ones: '{"key": "value"}'`
        : "close every brace and quote, and put the whole in single quotes: '{…}'",
    example:
      `  Invalid JSON: key must be a string at line 1 column 2 [type=json_invalid, input_value="{'kv_connector':'NixlCon...kv_role':'kv_producer'}", input_type=str]`,
  },
  {
    id: "kv-config-not-an-object",
    line: /Input should be an object \[type=dataclass_type, input_value=(?<value>.*?), input_type=(?<type>\w+)\]/,
    why: ({ value, type }, evidence) => `${jsonFlag(evidence)} must be an object, but is the ${type} ${value}`,
    fix: () => `write it with braces: '{"key": "value"}'`,
    example: "  Input should be an object [type=dataclass_type, input_value=[], input_type=list]",
  },
  {
    id: "kv-config-unknown-key",
    line: /Unexpected keyword argument \[type=unexpected_keyword_argument/,
    why: (_, evidence) => {
      const key = lineBefore(evidence.lines, /Unexpected keyword argument \[/);
      return `${jsonFlag(evidence)} has no key "${key}"`;
    },
    fix: (_, evidence) =>
      `remove "${
        lineBefore(evidence.lines, /Unexpected keyword argument \[/)
      }"; a connector's own keys go into --kv-extra-config`,
    example: "  Unexpected keyword argument [type=unexpected_keyword_argument, input_value='x', input_type=str]",
  },
  {
    id: "nixl-missing",
    line: /NIXL is not available|No module named 'nixl'/,
    why: (_, evidence) => needs(evidence, "nixl") + ": the package or its native part is missing",
    fix: () => "install it beside vLLM: uv pip install nixl; or --kv-connector ExampleConnector, which needs none",
    example: "(Worker pid=18885) ERROR 11-21 10:49:45 [multiproc_executor.py:1063] RuntimeError: NIXL is not available",
  },
  {
    id: "nixl-backend-unknown",
    line: /KeyError: '(?<name>\w+)'$/,
    when: ({ name }, evidence) =>
      /"backends" *: *\[([^\]]*)\]/.exec(argumentOf(evidence, "kv_transfer_config") ?? "")?.[1]?.includes(
        `"${name}"`,
      ) ?? false,
    why: ({ name }) => `NIXL has no backend "${name}"`,
    fix: () => `--kv-extra-config '{"backends": ["UCX"]}'`,
    example: "(Worker pid=19229) ERROR 11-21 10:50:26 [multiproc_executor.py:1063] KeyError: 'FOO'",
  },
  {
    id: "mooncake-missing",
    line: /No module named 'mooncake'|Mooncake is not available|Please install mooncake by/,
    why: (_, evidence) => needs(evidence, "mooncake"),
    fix: () =>
      "install it beside vLLM: uv pip install mooncake-transfer-engine (mooncake-transfer-engine-non-cuda without CUDA)",
    example:
      "(Worker pid=10652) ERROR 11-21 10:14:11 [multiproc_executor.py:1063] RuntimeError: Mooncake is not available",
  },
  {
    id: "lmcache-missing",
    line: /No module named 'lmcache'/,
    why: (_, evidence) => needs(evidence, "lmcache"),
    fix: () => "install it beside vLLM: uv pip install lmcache; or --kv-connector auto",
    example:
      "(Worker pid=19240) ERROR 11-21 10:50:31 [multiproc_executor.py:1063] ModuleNotFoundError: No module named 'lmcache'",
  },
  {
    id: "lmcache-device",
    line: /RuntimeError: No supported (?<device>\w+) connector found/,
    why: ({ device }) => `LMCache cannot store KV of a ${device} engine: vLLM answers, but no KV ever moves`,
    fix: () => "--kv-connector NixlConnector",
    whileRunning: true,
    example: "RuntimeError: No supported cpu connector found.",
  },
  {
    id: "offloading-needs-gpu",
    line: /CPU Offloading is currently only supported on/,
    why: () => "OffloadingConnector works on GPUs only",
    fix: () => "--kv-connector NixlConnector",
    example:
      "(Worker pid=10698) ERROR 11-21 10:14:16 [multiproc_executor.py:1063] Exception: CPU Offloading is currently only supported on CUDA-alike and XPU GPUs",
  },
  {
    id: "offloading-without-size",
    line: /cpu_bytes_to_use must be specified in kv_connector_extra_config/,
    why: () => "OffloadingConnector must be told how much main memory to use",
    fix: () => `--kv-extra-config '{"cpu_bytes_to_use": 8589934592}'`,
    example:
      "(Worker pid=11256) ERROR 11-21 10:15:08 [multiproc_executor.py:1063] Exception: cpu_bytes_to_use must be specified in kv_connector_extra_config",
  },
  {
    id: "simple-offload-needs-gpu",
    line: /'_StreamPlaceholder' has no attribute 'priority_range'/,
    why: () => "SimpleCPUOffloadConnector needs CUDA streams, which a CPU build of vLLM has not",
    fix: () => "--kv-connector NixlConnector",
    example:
      "(Worker pid=11304) ERROR 11-21 10:15:19 [multiproc_executor.py:1063] AttributeError: type object '_StreamPlaceholder' has no attribute 'priority_range'",
  },
  {
    id: "module-missing",
    line: /ModuleNotFoundError: No module named '(?<module>[^']+)'/,
    why: ({ module }, evidence) => {
      const path = kvConfigText(evidence, "kv_connector_module_path");
      return path ? `the connector's module "${path}" cannot be imported` : `vLLM's Python has no module "${module}"`;
    },
    fix: ({ module }, evidence) =>
      kvConfigText(evidence, "kv_connector_module_path")
        ? "correct kv_connector_module_path, or add the module's folder to PYTHONPATH"
        : `install it beside vLLM: uv pip install ${module?.split(".", 1)[0]}`,
    example: "ModuleNotFoundError: No module named 'no'",
  },
];

function needs(evidence: Evidence, module: string): string {
  const connector = kvConfigText(evidence, "kv_connector") ?? "the connector";
  return `${connector} needs ${module}, which vLLM's Python cannot import`;
}

/** The flag whose value pydantic refuses. */
function jsonFlag(evidence: Evidence): string {
  return captureIn(evidence, /error: argument (--[\w-]+)[^:]*: \d+ validation error/) ?? "a JSON argument";
}

function lineBefore(lines: readonly string[], pattern: RegExp): string {
  const at = lines.findIndex((line) => pattern.test(line));
  return (at > 0 ? lines[at - 1] : undefined)?.trim() ?? "?";
}
