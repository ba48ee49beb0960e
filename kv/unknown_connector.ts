// A connector pdserve has no page for: launched under its very name, requests run as plain two-step.
// That is right for every store both workers see (LMCache, Mooncake store, …), and the canary finds out where it is not.

import type { Connector, WiringContext } from "./connector.ts";
import { plainTwoStep } from "./handoff.ts";
import { kvTransferConfig, noWiring, takesPart } from "./kv_transfer_config.ts";

export function unknownConnector(name: string): Connector {
  return {
    name,
    aliases: [],
    summary: "Not known to pdserve: prefill first, then decode, without params",
    needs: [],
    failureModes: [{
      when: "its protocol needs more than two plain requests",
      seen: "decode computes the prompt itself, which the canary finds out, or waits for ever",
    }],
    evidence: "not known to pdserve",
    sources: [],
    engines: { vllm: "*", sim: "*" },
    devices: ["cuda", "cpu", "rocm", "xpu", "tpu"],
    imports: [],
    leaseMs: null,
    proof: { covers: "whole-blocks", bytes: null },
    discovery: null,
    servesPlainRequests: true,
    ports: () => [],
    wiring: (context: WiringContext) =>
      takesPart(context.role)
        // A store both saves and loads on every worker, and all connectors take this role.
        ? { ...noWiring, kvTransferConfig: { ...kvTransferConfig(name, context), kv_role: "kv_both" } }
        : noWiring,
    problems: () => [],
    ...plainTwoStep,
  };
}
