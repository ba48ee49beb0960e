// Everything pdserve knows of one connector, and what a check of it found, for a terminal.

import type { Check } from "../../kv/check_connector.ts";
import type { ConnectorProblem, Wiring } from "../../kv/connector.ts";
import type { Here } from "../../kv/connector_here.ts";
import type { ConnectorDescription } from "../../kv/describe_connector.ts";
import type { LegEdit } from "../../kv/leg_edit.ts";
import { quoteShellWord } from "../../plan/shell_words.ts";
import type { Paint } from "./color.ts";
import { printable } from "./printable.ts";
import { wrapText } from "./text_width.ts";

export interface ConnectorScreen {
  readonly columns: number;
  readonly paint: Paint;
}

const widest = 100;
const marks = { ok: "√", warning: "‼", failed: "×" } as const;

export function connectorPageText(description: ConnectorDescription, here: Here, screen: ConnectorScreen): string {
  const { connector, launch, asked } = description;
  const { paint } = screen;
  const columns = Math.min(widest, screen.columns);
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ["", paint.bold(title), ...lines];
  const list = (texts: readonly string[]) => texts.flatMap((text) => wrapped(text, "  ", columns));
  const names = connector.aliases.length === 0 ? "" : ` (${connector.aliases.join(", ")})`;
  const { engineVersion, device } = asked;
  const engine = connector.sglangBackend === undefined ? "vLLM" : "SGLang";
  return [
    `${paint.bold(connector.name)}${paint.dim(names)}`,
    ...wrapped(connector.summary, "", columns),
    ...section("Here", list(hereLines(here))),
    ...section("Needs", list([enginesText(description), ...connector.needs, ...serverLines(description)])),
    ...section("Handoff", list(handoffLines(description))),
    ...section(`Prefill is launched with (${engine} ${engineVersion}, ${device})`, launchLines(launch.prefill)),
    ...section("Decode is launched with", launchLines(launch.decode)),
    ...section("Ports", list(portLines(description))),
    ...section("The router adds to prefill's request", legLines(description.legs.prefill)),
    ...section("and to decode's", list(decodeLines(description))),
    ...section("Which pairs work", list(pairLines(description))),
    ...section(
      "How it fails, and what is seen",
      list(connector.failureModes.map(({ when, seen }) => `${when} → ${seen}`)),
    ),
    ...section("How pdserve proves that KV moved", list(proofLines(description))),
    ...section("How this is known", list([connector.evidence, ...connector.sources])),
  ].join("\n") + "\n";
}

export function connectorChecksText(
  { connector }: ConnectorDescription,
  checks: readonly Check[],
  { columns, paint }: ConnectorScreen,
): string {
  const color = { ok: paint.green, warning: paint.yellow, failed: paint.red } as const;
  const width = Math.min(widest, columns);
  const lines = checks.flatMap(({ is, what, fix }) => [
    ...wrapText(printable(what), width - 4).map((line, at) => `  ${at === 0 ? color[is](marks[is]) : " "} ${line}`),
    ...(fix === null ? [] : [paint.dim(`    ${fix}`)]),
  ]);
  const bad = checks.filter((check) => check.is === "failed").length;
  const verdict = bad === 0
    ? "should work here; only a run proves it"
    : `cannot work here: ${bad} of ${checks.length} failed`;
  return [paint.bold(connector.name), ...lines, "", `${connector.name} ${verdict}`].join("\n") + "\n";
}

function hereLines(here: Here): string[] {
  switch (here.is) {
    case "yes":
      return [`√ works here: ${here.reason}`, ...here.warnings.map((warning) => `‼ ${problemLine(warning)}`)];
    case "no":
      return here.problems.map((problem) => `× ${problemLine(problem)}`);
    case "unknown":
      return ["? no engine was found here"];
  }
}

function enginesText({ connector }: ConnectorDescription): string {
  const why = connector.whyMissing === undefined ? "" : `: ${connector.whyMissing}`;
  const { vllm, sglang } = connector.engines;
  const engines = sglang === undefined ? `vLLM ${vllm ?? "none"}` : `SGLang ${sglang}`;
  return `${engines}${why}; on ${connector.devices.join(", ")}`;
}

function serverLines({ connector: { servers = [] } }: ConnectorDescription): string[] {
  return servers.map(({ name, host, port, command }) =>
    `${name} at ${host}:${port}, which pdserve does not start: ${command}`
  );
}

const shapes: Readonly<Record<ConnectorDescription["connector"]["shape"], string>> = {
  "params-echo": "prefill answers with kv_transfer_params, which go to decode byte for byte",
  "params-prebuilt": "the router writes the kv_transfer_params of both requests",
  "plain-two-step": "two plain requests; the KV waits in a store that both workers see",
  "announced": "prefill is told where to send the KV, and its word that it is there starts decode",
  "request-id": "one X-Request-Id on both requests names the two workers",
  "bootstrap": "both requests name prefill's bootstrap server and one room in it",
  "none": "none",
};

function handoffLines({ connector, leaseMs, problems }: ConnectorDescription): string[] {
  if (connector.cannotHandOver !== undefined) {
    const { why, fix } = connector.cannotHandOver;
    return [`none: ${why}`, `instead: ${fix}`];
  }
  const order = connector.legs === "concurrent" ? "both requests at once" : "prefill first, then decode";
  const lease = leaseMs === null ? "prefill pins nothing" : `prefill keeps the KV for ${leaseMs / 1000} s`;
  const plain = connector.servesPlainRequests ? "answers" : "must never get";
  return [
    `${connector.shape}: ${shapes[connector.shape]}`,
    `${order}; ${lease}; a decode worker ${plain} requests without a handoff`,
    ...problems.map(problemLine),
  ];
}

/** To be pasted, so never broken into lines. */
function launchLines({ kvTransferConfig, env, args }: Wiring): string[] {
  const config = Object.keys(kvTransferConfig).length === 0
    ? []
    : [`--kv-transfer-config ${quoteShellWord(JSON.stringify(kvTransferConfig))}`];
  return [
    ...Object.entries(env).map(([name, value]) => `${name}=${quoteShellWord(value)}`),
    ...config,
    ...flagLines(args),
  ].map((line) => `  ${line}`);
}

/** Each flag with what stands behind it. */
export function flagLines(args: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of args) {
    if (word.startsWith("--") || lines.length === 0) lines.push(word);
    else lines.push(`${lines.pop()} ${quoteShellWord(word)}`);
  }
  return lines;
}

function portLines({ ports }: ConnectorDescription): string[] {
  return (["prefill", "decode"] as const).flatMap((role) =>
    ports[role].map(({ purpose, count, env, preferred }) =>
      `${role}: ${count} for ${purpose}, from ${preferred} on${env === null ? "" : `, by ${env}`}`
    )
  );
}

function legLines({ set, drop, headers }: LegEdit): string[] {
  const lines = [
    ...Object.entries(set).map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`),
    ...Object.entries(headers).map(([name, value]) => `  header ${name}: ${value}`),
    ...(drop.length > 0 ? [`  without ${drop.join(", ")}`] : []),
  ];
  return lines.length > 0 ? lines : ["  nothing"];
}

function decodeLines({ legs: { decode } }: ConnectorDescription): string[] {
  switch (decode.is) {
    case "echo":
      return [
        "kv_transfer_params: what prefill answered, byte for byte",
        `never sent without ${decode.needs.join(", ")}`,
      ];
    case "send":
      return legLines(decode.edit).map((line) => line.trim());
    case "no-handoff":
      return [`nothing: ${decode.reason}`];
  }
}

function pairLines({ trials, connector }: ConnectorDescription): string[] {
  if (connector.cannotHandOver !== undefined) return [];
  return trials.map(({ pair, problems }) => {
    const [first] = problems;
    if (first === undefined) return `√ ${pair}`;
    return `${first.severity === "error" ? "×" : "‼"} ${pair}: ${first.why}`;
  });
}

function proofLines({ connector: { proof, cannotHandOver } }: ConnectorDescription): string[] {
  if (cannotHandOver !== undefined) return ["it cannot: nothing moves"];
  const covers = proof.covers === "prompt" ? "the whole prompt" : "its whole blocks";
  const { bytes: counter } = proof;
  if (counter?.needed === true) {
    return [
      `a request nobody sent before: ${counter.metric} of the ${counter.on} worker grows, and decode computes no prompt`,
    ];
  }
  const bytes = proof.bytes === null ? [] : [`${proof.bytes.metric} of the ${proof.bytes.on} worker grows`];
  return [
    `a request nobody sent before: decode's vllm:prompt_tokens_by_source{source="external_kv_transfer"} grows by ${covers}`,
    ...bytes,
  ];
}

function problemLine({ what, why, fix }: ConnectorProblem): string {
  return `${what}: ${why} (${fix})`;
}

function wrapped(text: string, indent: string, columns: number): string[] {
  return wrapText(text, columns - indent.length).map((line, at) => (at === 0 ? indent : `${indent}  `) + line);
}
