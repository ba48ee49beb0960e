// ExampleConnector (SharedStorageConnector before vLLM 0.13): prefill writes KV files, decode reads them.
// Works on any device without further packages, at the speed of a disk; vLLM means it as an example.
// Source: vLLM distributed/kv_transfer/kv_connector/v1/example_connector.py.

import type { Connector, Wiring, WiringContext } from "./connector.ts";
import { plainTwoStep } from "./handoff.ts";
import { kvTransferConfig, noWiring, takesPart } from "./kv_transfer_config.ts";
import { blockSizesEqual, flagsAgree, type Rule, rules, sizeIsOne, warning } from "./pair_rules.ts";
import { inRange } from "./version_range.ts";

/** A worker takes another's half-written folder for a finished one and fails on the missing files. */
const onePrefillWriter: Rule = ({ workers }, name) => {
  const writers = workers.filter((worker) => worker.role === "prefill").length;
  if (writers < 2) return [];
  return [warning(
    `${name} with ${writers} prefill workers can fail when two get the same prompt at the same moment`,
    "one finds the folder the other is still writing",
    "--pd 1P1D, or --kv-connector NixlConnector",
  )];
};

export const example: Connector = {
  name: "ExampleConnector",
  aliases: ["SharedStorageConnector", "example"],
  summary: "KV goes through files in a private folder: slow, but on any device and with nothing to install",
  needs: ["nothing to install", "disk space for the KV of every prompt of the run; the folder goes with the run"],
  failureModes: [
    { when: "prefill in chunks", seen: "the files are too short and the decode server ends; pdserve switches it off" },
    { when: "decode comes before prefill has finished", seen: "half-written files end the decode server" },
    { when: "two prefill workers get one prompt at one moment", seen: "the second may fail on the first's folder" },
    {
      when: "a prompt shorter than a block, or the rest behind the last whole block",
      seen: "decode computes it; right text",
    },
    { when: "workers with different models share the folder", seen: "nonsense with 200: nothing checks it" },
  ],
  evidence: "ran on vLLM 0.32.0 on CPU: 96 of 111 tokens from files, token for token equal to one plain worker",
  sources: ["vLLM distributed/kv_transfer/kv_connector/v1/example_connector.py", "vLLM pull request 30201 (renamed)"],
  engines: { vllm: ">=0.9.0", sim: ">=0.9.0" },
  devices: ["cuda", "cpu", "rocm", "xpu", "tpu"],
  imports: [],
  leaseMs: null,
  proof: { covers: "whole-blocks", bytes: null },
  discovery: null,
  servesPlainRequests: true,
  ports: () => [],
  wiring,
  problems: rules(
    "ExampleConnector",
    sizeIsOne("tp", ["prefill", "decode"], "all ranks of a worker write the same file"),
    blockSizesEqual("files are named by the whole blocks of a prompt, so decode would look for other names"),
    flagsAgree(
      ["--dtype", "--kv-cache-dtype", "--revision"],
      "nothing checks that the files fit, so decode would answer nonsense",
    ),
    onePrefillWriter,
  ),
  ...plainTwoStep,
};

function wiring(context: WiringContext): Wiring {
  if (!takesPart(context.role)) return noWiring;
  const name = inRange(context.engineVersion, "<0.13.0") ? "SharedStorageConnector" : "ExampleConnector";
  return {
    // vLLM never removes a file, so the folder is the run's own and goes with it.
    kvTransferConfig: kvTransferConfig(name, context, {}, { shared_storage_path: context.sharedDir }),
    env: {},
    // A prompt is saved in its first step: of a chunked one the files are too short, and reading them ends the server (seen
    // on a real 0.32.0 with eight requests at once). Decode saves too, what it had to compute.
    args: ["--no-enable-chunked-prefill"],
  };
}
