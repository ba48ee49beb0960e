// ExampleHiddenStatesConnector: writes a draft model's hidden states to files. It moves no KV.
// Source: vLLM distributed/kv_transfer/kv_connector/v1/example_hidden_states_connector.py; pull request #33736.

import type { Connector } from "./connector.ts";
import { ownEngineOnly, ownEngineWiring } from "./own_engine_only.ts";

export const hiddenStates: Connector = {
  name: "ExampleHiddenStatesConnector",
  aliases: ["hidden-states"],
  summary: "Writes hidden states to files, for training draft models; moves no KV",
  needs: ['--speculative-config with method "extract_hidden_states"', "shared_storage_path, /tmp by default"],
  failureModes: [{ when: "it is taken for a KV connector", seen: "nothing moves and decode computes every prompt" }],
  evidence: "only read",
  sources: [
    "vLLM distributed/kv_transfer/kv_connector/v1/example_hidden_states_connector.py",
    "vLLM pull request 33736",
  ],
  engines: { vllm: ">=0.17.0", sim: ">=0.17.0" },
  whyMissing: "it was merged in early 2026 (pull request #33736)",
  devices: ["cuda", "cpu", "rocm", "xpu", "tpu"],
  imports: [],
  ...ownEngineOnly("it writes hidden states to files and moves no KV", "--kv-connector auto"),
  wiring: (context) => ownEngineWiring("ExampleHiddenStatesConnector", context),
  problems: () => [],
};
