// A connector for programs: `pdserve connectors -o json`. Members may be added, never changed.

import type { Here } from "./connector_here.ts";
import type { ConnectorDescription } from "./describe_connector.ts";
import type { Json } from "./json.ts";

export function connectorJson({ connector, ports, leaseMs }: ConnectorDescription, here: Here) {
  const { name, aliases, summary, engines, devices, imports, needs, shape, legs } = connector;
  return {
    ...{ name, aliases, summary, engines, devices, imports, needs, handoff: shape, legs },
    hands_over: connector.cannotHandOver === undefined,
    why_not: connector.cannotHandOver ?? null,
    ports: ports.prefill,
    decode_ports: ports.decode,
    lease_ms: leaseMs,
    serves_plain_requests: connector.servesPlainRequests,
    servers: connector.servers ?? [],
    failure_modes: connector.failureModes,
    evidence: connector.evidence,
    sources: connector.sources,
    here: hereJson(here),
  };
}

export function explainedJson(description: ConnectorDescription, here: Here) {
  const { launch, legs, trials, problems, asked, connector } = description;
  return {
    ...connectorJson(description, here),
    asked_for: { engine_version: asked.engineVersion, device: asked.device, extra_config: asked.extraConfig },
    launch: { prefill: launchJson(launch.prefill), decode: launchJson(launch.decode) },
    requests: { prefill: legs.prefill, decode: legs.decode },
    proof: connector.proof,
    discovery: connector.discovery === null ? null : connector.discovery.path,
    pairs: trials.map(({ pair, problems: found }) => ({ pair, problems: found })),
    problems,
  };
}

function hereJson(here: Here): Json {
  switch (here.is) {
    case "yes":
      return { works: true, why: here.reason, problems: here.warnings.map((problem) => ({ ...problem })) };
    case "no":
      return {
        works: false,
        why: here.problems[0]?.what ?? null,
        problems: here.problems.map((problem) => ({ ...problem })),
      };
    case "unknown":
      return { works: null, why: "no engine found", problems: [] };
  }
}

function launchJson({ kvTransferConfig, env, args }: ConnectorDescription["launch"]["prefill"]) {
  return { kv_transfer_config: kvTransferConfig, env, args };
}
