// docs/connectors.md, made of what the connectors themselves say. `bun run scripts/connectors_page.ts` writes it; a test
// compares it with the file.

import { writeFileSync } from "node:fs";
import type { Connector, ExtraConfig } from "../kv/connector.ts";
import { type ConnectorDescription, describeConnector } from "../kv/describe_connector.ts";
import { connectors, findConnector, sglangConnectors } from "../kv/index.ts";
import { flagLines } from "../cli/render/connector_page.ts";
import { rangeText } from "../cli/render/connectors_table.ts";

/** Connectors that are what their extra config makes of them, shown with the usual one. */
const shownWith: Readonly<Record<string, ExtraConfig>> = {
  MultiConnector: {
    connectors: [
      { kv_connector: "NixlConnector" },
      { kv_connector: "OffloadingConnector", kv_connector_extra_config: { cpu_bytes_to_use: 8_589_934_592 } },
    ],
  },
  OffloadingConnector: { cpu_bytes_to_use: 8_589_934_592, secondary_tiers: [{ type: "p2p" }] },
};

export function connectorsPage(): string {
  const all = Object.values(connectors).map((connector: Connector) => {
    const extraConfig = shownWith[connector.name] ?? {};
    const shown = describeConnector(findConnector(connector.name, extraConfig).connector, extraConfig);
    return { plain: describeConnector(connector), shown };
  });
  const sglangs = Object.values(sglangConnectors).map((connector: Connector) => describeConnector(connector));
  return [
    intro,
    ...table("vLLM", all.map(({ plain }) => plain)),
    "",
    findings,
    ...all.flatMap(({ plain, shown }) => section(plain, shown)),
    sglangIntro,
    ...table("SGLang", sglangs),
    "",
    sglangFindings,
    ...sglangs.flatMap((description) => section(description, description)),
  ].join("\n").trimEnd() + "\n";
}

const intro = `# KV connectors

<!-- Written by scripts/connectors_page.ts from kv/*.ts. Change those, then run it. -->

A connector is the part of vLLM that brings a prompt's KV from the prefill worker to the decode worker. This page says
for each one in vLLM 0.32 and before what it needs, how pdserve launches and drives it, how it fails, and how we know.
\`pdserve connectors\` prints the same for your machine, with a mark for what works there; \`pdserve connectors explain
NAME\` prints one, and \`pdserve connectors check NAME\` imports what it needs in the engine's own Python.

## Which one

- One box, NVIDIA or CPU: **NixlConnector**. It is what \`--kv-connector auto\` takes where \`nixl\` imports.
- Nothing may be installed, or it is a test without GPUs: **ExampleConnector**. As slow as the disk.
- PCIe without NVLink, where reading peer memory is slow: try **NixlPushConnector** or **MooncakeConnector** and measure.
- AMD: **MoRIIOConnector**, or NIXL in its ROCm build.
- The handoff and more room for old KV: **MultiConnector** with NIXL first and OffloadingConnector second.
- KV that outlives a worker or is shared by many: **LMCacheMPConnector**, **MooncakeStoreConnector**. A miss costs a
  prefill on the decode worker, and nobody says so; watch \`external_kv_transfer\` below.
- OffloadingConnector, SimpleCPUOffloadConnector, DecodeBenchConnector, HiSparseConnector and
  ExampleHiddenStatesConnector hand nothing from worker to worker, and pdserve refuses them for it.

How to know that KV really moved: on the decode worker \`vllm:prompt_tokens_by_source{source="external_kv_transfer"}\`
must grow by the prompt and \`local_compute\` by (nearly) nothing. pdserve sends such a request through each pair before
it calls a run ready. \`vllm:external_prefix_cache_hits\` is no proof: it grows even when the transfer fails.

## All of them
`;

const findings = `## What real engines taught

Seen on vLLM 0.32.0 (CPU build, NIXL 1.5.1, LMCache 0.5.6), not read:

- **A body with two prompts is poison for a split request.** The second prompt gets the first one's text with status
  200, decode's prefix cache keeps the wrong blocks for later requests, and where the second prompt is longer the decode
  server ends. pdserve sends such bodies whole to one worker.
- **A dead engine ends its server with exit code 0.** Exit codes say nothing; every exit that nobody asked for is a crash.
- **A taken side channel port is no error but an endless start**: no exit, no health, one ZMQ line in the log. The port
  may be held by the engine process of a server that was killed.
- **\`/health\` stays 200 while an engine hangs**, and while LMCacheConnectorV1 runs on a CPU build and shares nothing.
- **An expired lease is silent.** Decode answers 200 from blocks that may be another prompt's by then.
- **Concurrent connectors wait for ever** when one half is missing, and their blocks stay taken after the client has
  gone. When one leg fails, the other must be closed.
- **MultiConnector does not fall back**: when its first connector fails to load, the request fails, even though the
  second has the KV.
- **Comparing a split answer with decode's own is no test**: decode answers from the blocks it has just received.
`;

const sglangIntro = `# SGLang's transfer backends

SGLang has no connectors: prefill/decode disaggregation is its own, and a transfer backend moves the KV. With
\`--engine sglang\`, \`--kv-connector nixl\` (what \`auto\` takes), \`mooncake\`, \`mooncake_tcp\`, \`mori\` or
\`ascend\` means one of these; \`pdserve connectors check sglang-nixl --engine sglang\` imports it and loads the
backend's class in SGLang's Python. \`docs/sglang.md\` tells the rest of SGLang.

- One box, NVIDIA or CPU: **SGLangNixl**.
- RDMA between the GPUs' NICs: **SGLangMooncake**; without RDMA and without NIXL: **SGLangMooncakeTcp**.
- AMD: **SGLangMori**. Ascend NPUs: **SGLangAscend**, by SGLang itself.
- **SGLangFake** moves nothing: it is for measuring decode alone, and pdserve refuses it.
`;

const sglangFindings = `## What a real SGLang taught

Seen on SGLang 0.5.23 (CPU, NIXL 1.5.1), not read:

- **Room 0 and \`n\` above 1 hang decode for ever** while prefill answers 200. pdserve counts rooms from 1 and refuses \`n\`.
- **A leg without its other half waits out 300 s** (\`SGLANG_DISAGGREGATION_BOOTSTRAP_TIMEOUT\` on prefill,
  \`…_WAITING_TIMEOUT\` on decode). pdserve ends the other leg at once.
- **The bootstrap server answers minutes before its prefill worker can**: it is no sign of readiness.
- **Decode's \`/health\` stays 200 when prefill has died**; a request to the dead one's room fails after 6 ms, once it is
  forgotten after 14 s.
- **Prefill takes 17 to 18 s to stop**, and a signal to its whole group looks like a crash to it.
- **An empty prompt ends the whole server** (CPU build).
`;

function table(engine: "vLLM" | "SGLang", all: readonly ConnectorDescription[]): string[] {
  const rows = all.map(({ connector, ports, leaseMs }) => [
    `[${connector.name}](#${connector.name.toLowerCase()})`,
    rangeText(connector.engines.vllm ?? connector.engines.sglang),
    connector.devices.length === 5 ? "any" : connector.devices.join(", "),
    connector.cannotHandOver === undefined ? connector.shape : "none",
    connector.cannotHandOver === undefined ? connector.legs : "-",
    leaseMs === null ? "-" : `${leaseMs / 1000} s`,
    [...new Set([...ports.prefill, ...ports.decode].map(({ purpose }) => purpose))].join(", ") || "-",
    connector.imports.join(", ") || "-",
  ]);
  const header = ["Connector", engine, "Devices", "Handoff", "Requests", "Lease", "Ports", "Python modules"];
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
}

/** `shown` is the connector as launched below; `plain` as it is without extra config. */
function section({ connector }: ConnectorDescription, shown: ConnectorDescription): string[] {
  const { cannotHandOver, aliases, summary, needs, failureModes, evidence, sources } = connector;
  const hands = shown.connector.cannotHandOver === undefined;
  return [
    `## ${connector.name}`,
    "",
    `${summary}.${aliases.length > 0 ? ` Also \`${aliases.join("`, `")}\`.` : ""}`,
    "",
    ...bullets("Needs", needs),
    ...bullets(
      "Servers that must run already",
      (connector.servers ?? []).map(({ name, command }) => `${name}: \`${command}\``),
    ),
    ...(cannotHandOver === undefined ? [] : [`**No handoff by itself**: ${cannotHandOver.why}.`, ""]),
    ...(hands ? handoff(shown) : []),
    ...failures(failureModes),
    `**How this is known**: ${evidence}. Sources: ${sources.join("; ")}.`,
    "",
  ];
}

function engineOf({ sglangBackend }: Connector): "vLLM" | "SGLang" {
  return sglangBackend === undefined ? "vLLM" : "SGLang";
}

function handoff({ connector, launch, asked, legs, trials }: ConnectorDescription): string[] {
  const decode = legs.decode.is === "echo"
    ? `prefill's \`kv_transfer_params\` byte for byte, never without ${
      legs.decode.needs.map((need) => `\`${need}\``).join(", ")
    }`
    : legs.decode.is === "send"
    ? code(legs.decode.edit)
    : `nothing: ${legs.decode.reason}`;
  const extra = Object.keys(asked.extraConfig).length === 0
    ? ""
    : `, with \`--kv-extra-config '${JSON.stringify(asked.extraConfig)}'\``;
  return [
    `**As launched** (${engineOf(connector)} ${asked.engineVersion}, ${asked.device}${extra}):`,
    "",
    "```sh",
    ...(["prefill", "decode"] as const).flatMap((role) => [`# ${role}`, ...commandLines(launch[role])]),
    "```",
    "",
    `**Prefill's request** gets ${code(legs.prefill)}. **Decode's** gets ${decode}.`,
    "",
    ...bullets(
      "Pairs",
      trials.map(({ pair, problems: [first] }) =>
        first === undefined
          ? `${pair}: yes`
          : `${pair}: ${first.severity === "error" ? "no" : "with care"}, ${first.why}`
      ),
    ),
  ];
}

function commandLines({ env, args, kvTransferConfig }: ConnectorDescription["launch"]["prefill"]): string[] {
  const isVllm = Object.keys(kvTransferConfig).length > 0;
  const words = [
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    isVllm ? "vllm serve MODEL" : "sglang serve --model-path MODEL --enable-metrics",
    ...flagLines(args),
    ...(isVllm ? [`--kv-transfer-config '${JSON.stringify(kvTransferConfig)}'`] : []),
  ];
  return words.map((word, at) => `${at === 0 ? "" : "  "}${word}${at === words.length - 1 ? "" : " \\"}`);
}

function code({ set, drop, headers }: ConnectorDescription["legs"]["prefill"]): string {
  const parts = [
    ...Object.entries(set).map(([name, value]) => `\`"${name}": ${JSON.stringify(value)}\``),
    ...Object.entries(headers).map(([name, value]) => `the header \`${name}: ${value}\``),
    ...(drop.length > 0 ? [`no ${drop.map((name) => `\`${name}\``).join(", ")}`] : []),
  ];
  return parts.length > 0 ? parts.join(", ") : "nothing";
}

function bullets(title: string, rows: readonly string[]): string[] {
  return rows.length === 0 ? [] : [`**${title}**`, "", ...rows.map((row) => `- ${row}`), ""];
}

function failures(modes: Connector["failureModes"]): string[] {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  return [
    "| When | What is seen |",
    "| --- | --- |",
    ...modes.map(({ when, seen }) => `| ${cell(when)} | ${cell(seen)} |`),
    "",
  ];
}

if (import.meta.main) {
  writeFileSync(new URL("../docs/connectors.md", import.meta.url), connectorsPage());
}
