// Everything pdserve knows of one connector, found by asking the connector itself: what is printed is what would be done.

import type {
  Connector,
  ConnectorProblem,
  Device,
  ExtraConfig,
  LegContext,
  PortNeed,
  Role,
  Wiring,
  WiringContext,
  WorkerFacts,
} from "./connector.ts";
import type { LegEdit } from "./leg_edit.ts";
import { leaseMsOf } from "./lease.ts";
import { type TopologyTrial, topologyTrials } from "./topology_trials.ts";
import { inRange } from "./version_range.ts";

type PdRole = "prefill" | "decode";

export interface ConnectorDescription {
  readonly connector: Connector;
  /** What the lines below were asked for. */
  readonly asked: { readonly engineVersion: string; readonly device: Device; readonly extraConfig: ExtraConfig };
  readonly leaseMs: number | null;
  readonly ports: Readonly<Record<PdRole, readonly PortNeed[]>>;
  /** As a pair of workers with one GPU each would be launched. */
  readonly launch: Readonly<Record<PdRole, Wiring>>;
  readonly legs: { readonly prefill: LegEdit; readonly decode: DescribedDecode };
  readonly trials: readonly TopologyTrial[];
  /** Against any pair: what the extra config lacks, what is open to the network. */
  readonly problems: readonly ConnectorProblem[];
}

export type DescribedDecode =
  | { readonly is: "send"; readonly edit: LegEdit }
  /** Prefill's `kv_transfer_params` byte for byte, once these members are there. */
  | { readonly is: "echo"; readonly needs: readonly string[] }
  | { readonly is: "no-handoff"; readonly reason: string };

export function describeConnector(
  connector: Connector,
  extraConfig: ExtraConfig = {},
  wish: { readonly engineVersion?: string; readonly device?: Device } = {},
): ConnectorDescription {
  const device = wish.device ?? connector.devices[0] ?? "cuda";
  const asked = { engineVersion: versionWith(connector, wish.engineVersion), device, extraConfig };
  const workers = { prefill: workerOf("prefill", connector), decode: workerOf("decode", connector) };
  const launch = (role: PdRole) => connector.wiring({ ...wiringContext(workers[role], role), ...asked });
  const { trials, problems } = topologyTrials(connector, asked);
  return {
    connector,
    asked,
    leaseMs: leaseMsOf(connector, extraConfig),
    ports: { prefill: connector.ports(workers.prefill), decode: connector.ports(workers.decode) },
    launch: { prefill: launch("prefill"), decode: launch("decode") },
    legs: describeLegs(connector, {
      ...workers,
      attemptId: "ATTEMPT",
      nonce: "0".repeat(32),
      room: 1,
      api: "completions",
    }),
    trials,
    problems,
  };
}

/** The version asked for where it has the connector, else the newest known, or the newest that still had it. */
function versionWith({ engines }: Connector, asked: string | undefined): string {
  if (engines.vllm === undefined && engines.sglang !== undefined) return asked ?? "0.5.23";
  const versions = [...(asked === undefined ? [] : [asked]), "0.32.0", "0.22.1"];
  return versions.find((version) => inRange(version, engines.vllm ?? "*")) ?? "0.32.0";
}

function describeLegs(connector: Connector, context: LegContext): ConnectorDescription["legs"] {
  const prefill = connector.prefillLeg(context);
  if (connector.shape === "params-echo") {
    return { prefill, decode: { is: "echo", needs: connector.replyNeeds ?? [] } };
  }
  return { prefill, decode: connector.decodeLeg(context, null) };
}

/** Ports where each connector would like them, decode's above prefill's. */
function workerOf(role: PdRole, connector: Connector): WorkerFacts {
  const shape = { role, tp: 1, dp: 1, pp: 1 };
  const above = role === "prefill" ? 0 : 1;
  const ports = connector.ports(shape).map(({ purpose, preferred }) => [purpose, preferred + above] as const);
  const engineId = `${role}-0-ID`;
  return {
    ...{ ...shape, name: `${role}-0`, host: "127.0.0.1", httpPort: 8100 + above },
    ...{ ports: Object.fromEntries(ports), engineId, engineIdByRank: { "0": engineId } },
  };
}

function wiringContext(
  worker: WorkerFacts,
  role: Role,
): Omit<WiringContext, "engineVersion" | "device" | "extraConfig"> {
  const { tp, dp, pp, host, httpPort, ports } = worker;
  const engineId = worker.engineId ?? worker.name;
  return { role, tp, dp, pp, host, httpPort, ports, engineId, sharedDir: "RUN/kv", loadFailurePolicy: "fail" };
}
