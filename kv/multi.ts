// MultiConnector: several connectors in one engine. All save, the first that has tokens loads. One of them hands over and
// decides the legs; the others are caches. `kv_connector_extra_config.connectors` lists them, in order.
// Source: vLLM distributed/kv_transfer/kv_connector/v1/multi_connector.py; [Nixl, Example] ran on a real 0.32.0.

import type { Connector, ExtraConfig, FindConnector, Wiring, WiringContext } from "./connector.ts";
import type { Json } from "./json.ts";
import { kvTransferConfig, noWiring, takesPart } from "./kv_transfer_config.ts";
import { leaseMsOf } from "./lease.ts";
import { type Child, readChildren } from "./multi_children.ts";
import { multiRules } from "./multi_rules.ts";
import { noLegs } from "./handoff.ts";

const name = "MultiConnector";
const nixlAndTier = JSON.stringify({
  connectors: [
    { kv_connector: "NixlConnector" },
    { kv_connector: "OffloadingConnector", kv_connector_extra_config: { cpu_bytes_to_use: 8_589_934_592 } },
  ],
});

export const multi: Connector = {
  name,
  aliases: ["multi"],
  summary: "Several connectors at once, such as NIXL for the handoff and host memory as a cache behind it",
  needs: ["what its connectors need", `the list: --kv-extra-config '${nixlAndTier}'`],
  failureModes: [
    {
      when: "the first connector's load fails",
      seen: "decode answers 500 even when another has the KV: there is no fall-back between them",
    },
    {
      when: "two connectors answer with params of the same names",
      seen: "RuntimeError: Key clash in kv_transfer_params, the engine ends; pdserve refuses two that hand over",
    },
    { when: "a cache stands before the connector that hands over", seen: "it may load in its place; pdserve warns" },
    {
      when: "engine_id inside a connector of the list",
      seen: "TypeError at start in vLLM 0.32; pdserve puts it outside",
    },
    {
      when: "ExampleConnector beside NIXL",
      seen: "a warning in the log at every engine step while a lease is open: thousands of lines a request",
    },
  ],
  evidence:
    "[Nixl, Example] ran on vLLM 0.32.0 on CPU, token for token equal; with host memory only read, for it needs GPUs",
  sources: [
    "vLLM distributed/kv_transfer/kv_connector/v1/multi_connector.py",
    "vLLM pull request 46777 (merged params)",
  ],
  engines: { vllm: ">=0.9.0", sim: ">=0.9.0" },
  devices: ["cuda", "cpu", "rocm", "xpu", "tpu"],
  imports: [],
  leaseMs: null,
  proof: { covers: "whole-blocks", bytes: null },
  discovery: null,
  servesPlainRequests: true,
  ports: () => [],
  wiring: (context) => wiring(context, []),
  problems: () => [],
  ...noLegs({
    why: 'it has no connectors: "connectors" in its extra config lists them',
    fix: `--kv-extra-config '${nixlAndTier}'`,
  }),
  configured,
};

function configured(extraConfig: ExtraConfig, find: FindConnector): Connector {
  const children = readChildren(extraConfig, find);
  const [first, ...rest] = children.map(({ connector }) => connector);
  if (first === undefined) return multi;
  const all = [first, ...rest];
  const leading = leaderOf(children);
  const shared = {
    ...multi,
    summary: `${multi.summary}: ${all.map((child) => child.name).join(", ")}`,
    engines: Object.fromEntries(["vllm", "sim"].map((engine) => [engine, everyRange(all, engine)])),
    devices: multi.devices.filter((device) => all.every(({ devices }) => devices.includes(device))),
    imports: [...new Set(all.flatMap(({ imports }) => imports))],
    servers: all.flatMap(({ servers = [] }) => servers),
    servesPlainRequests: all.every(({ servesPlainRequests }) => servesPlainRequests),
    ports: (worker) => all.flatMap((child) => child.ports(worker)),
    wiring: (context) => wiring(context, children),
    problems: (topology) => [
      ...multiRules(children)(topology, name),
      ...all.flatMap((child) => child.problems(topology)),
    ],
  } satisfies Connector;
  if (leading === null) return { ...shared, ...noLegs(nobodyHandsOver(all)) };
  const { shape, legs, apis, replyNeeds, proof, discovery, arrival, prefillLeg, decodeLeg } = leading.connector;
  const leaseMs = leaseMsOf(leading.connector, leading.extraConfig);
  const handsOver = { shape, legs, apis, replyNeeds, proof, discovery, arrival, prefillLeg, decodeLeg, leaseMs };
  return { ...shared, ...handsOver, cannotHandOver: undefined };
}

/** The one that needs params or ids in its requests, else a store both workers see; null where all keep to themselves. */
function leaderOf(children: readonly Child[]): Child | null {
  const handsOver = children.filter(({ connector }) => connector.cannotHandOver === undefined);
  return handsOver.find(({ connector }) => connector.shape !== "plain-two-step") ?? handsOver[0] ?? null;
}

function nobodyHandsOver(all: readonly Connector[]) {
  return {
    why: `none of ${all.map((child) => child.name).join(", ")} hands KV to another engine`,
    fix: `--kv-extra-config '${nixlAndTier}'`,
  };
}

/** Ranges side by side are their intersection. */
function everyRange(all: readonly Connector[], engine: string): string {
  return [multi.engines[engine], ...all.map((child) => child.engines[engine] ?? "<0.0.0")].join(" ");
}

function wiring(context: WiringContext, children: readonly Child[]): Wiring {
  if (!takesPart(context.role)) return noWiring;
  const wired = children.map(({ connector, extraConfig, members }) => {
    const own = connector.wiring({ ...context, extraConfig });
    return { ...own, kvTransferConfig: { ...members, ...own.kvTransferConfig } };
  });
  const { connectors: _, ...extraConfig } = context.extraConfig;
  const lifted = Object.assign({}, ...wired.map(({ kvTransferConfig }) => pick(kvTransferConfig, ofTheEngine)));
  const connectors = wired.map(({ kvTransferConfig }) => omit(kvTransferConfig, ofTheEngine));
  return {
    kvTransferConfig: kvTransferConfig(name, { ...context, extraConfig }, lifted, { connectors }),
    env: Object.assign({}, ...wired.map(({ env }) => env)),
    args: [...new Set(wired.flatMap(({ args }) => args))],
  };
}

/** vLLM reads these from the outer config only; an inner engine_id makes it fail at start. */
const ofTheEngine = ["engine_id", "kv_load_failure_policy"];

function pick(members: Readonly<Record<string, Json>>, names: readonly string[]): Readonly<Record<string, Json>> {
  return Object.fromEntries(Object.entries(members).filter(([key]) => names.includes(key)));
}

function omit(members: Readonly<Record<string, Json>>, names: readonly string[]): Readonly<Record<string, Json>> {
  return Object.fromEntries(Object.entries(members).filter(([key]) => !names.includes(key)));
}
