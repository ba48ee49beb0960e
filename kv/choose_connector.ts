// Which connector a run uses, and why, in one line for people.

import type { Connector, ConnectorProblem, Device, ExternalServer, ExtraConfig } from "./connector.ts";
import { connectors, findConnector, sglangConnectors } from "./index.ts";
import { installHint } from "./install_hint.ts";
import { inRange } from "./version_range.ts";

export interface ConnectorWish {
  /** `auto`, or a name or alias. */
  readonly asked: string;
  /** The user's `kv_connector_extra_config`; empty when left out. */
  readonly extraConfig?: ExtraConfig;
  readonly engine: string;
  readonly engineVersion: string;
  readonly device: Device;
  /** Python module → version, or null when it does not import; a module nobody looked for is absent. */
  readonly imports: Readonly<Record<string, string | null>>;
}

export interface ConnectorChoice {
  readonly connector: Connector;
  /** `NixlConnector: nixl 1.5.1 imports, vLLM 0.32.0, cpu`. */
  readonly reason: string;
  readonly warnings: readonly ConnectorProblem[];
}

/** Fastest first; the last one works everywhere. NixlPushConnector is never chosen by itself: experimental in vLLM. */
const preferred: readonly Connector[] = [
  connectors.NixlConnector,
  connectors.MooncakeConnector,
  connectors.P2pNcclConnector,
  connectors.ExampleConnector,
  // SGLang has none of those; of its own NIXL is the easier one on one machine.
  sglangConnectors.SGLangNixl,
  sglangConnectors.SGLangMooncake,
  sglangConnectors.SGLangMooncakeTcp,
];

/** A choice, or every reason why what was asked for cannot run here. Pair rules come later, from `Connector.problems`. */
export function chooseConnector(wish: ConnectorWish): ConnectorChoice | ConnectorProblem[] {
  if (wish.asked.toLowerCase() === "auto") return chooseBest(wish);
  const found = findConnector(nameFor(wish), wish.extraConfig);
  if (found.is === "unknown") return chooseUnknown(found.connector, found.nearest);
  const obstacles = obstaclesTo(found.connector, wish);
  if (obstacles.length > 0) return obstacles;
  const warnings = isSimulated(wish.engine) ? [] : (found.connector.servers ?? []).map(startItFirst(found.connector));
  return { connector: found.connector, reason: tell(found.connector, wish, "asked for"), warnings };
}

/** People say the transfer's name, which SGLang and vLLM share. */
function nameFor({ asked, engine }: ConnectorWish): string {
  if (!playsSglang(engine)) return asked;
  const own = findConnector(`sglang-${asked.replace(/Connector$/i, "")}`);
  return own.is === "known" ? own.connector.name : asked;
}

function isSimulated(engine: string): boolean {
  return engine === "sim" || engine === "sim-sglang";
}

function playsSglang(engine: string): boolean {
  return engine === "sglang" || engine === "sim-sglang";
}

function usual({ engine }: ConnectorWish): Connector {
  return playsSglang(engine) ? sglangConnectors.SGLangNixl : connectors.NixlConnector;
}

function startItFirst({ name }: Connector): (server: ExternalServer) => ConnectorProblem {
  return (server) => ({
    what: `${name} needs ${server.name} at ${server.host}:${server.port}, which pdserve does not start`,
    why: "both workers find each other's KV through it and nowhere else",
    fix: server.command,
    severity: "warning",
  });
}

function chooseBest(wish: ConnectorWish): ConnectorChoice | ConnectorProblem[] {
  const best = preferred.find((connector) => obstaclesTo(connector, wish).length === 0);
  if (best === undefined) return obstaclesTo(usual(wish), wish);
  return { connector: best, reason: tell(best, wish, ...whyNotNixl(best, wish)), warnings: [] };
}

function chooseUnknown(connector: Connector, nearest: string | null): ConnectorChoice {
  return {
    connector,
    reason: `${connector.name}: asked for, not known to pdserve, run as plain two-step`,
    warnings: [{
      what: `KV connector "${connector.name}" is not known to pdserve`,
      why: "its requests run as plain two-step: prefill, then decode, without kv_transfer_params",
      fix: `--kv-connector ${nearest ?? Object.keys(connectors).join(", ")}`,
      severity: "warning",
    }],
  };
}

/** The simulator speaks every connector of the vLLM it plays, without packages or devices. */
function obstaclesTo(connector: Connector, wish: ConnectorWish): ConnectorProblem[] {
  const always = [...handoffObstacle(connector), ...versionObstacle(connector, wish)];
  if (isSimulated(wish.engine)) return always;
  return [...always, ...deviceObstacles(connector, wish), ...importObstacles(connector, wish)];
}

function handoffObstacle({ name, cannotHandOver }: Connector): ConnectorProblem[] {
  if (cannotHandOver === undefined) return [];
  return [{ what: `${name} hands no KV from prefill to decode`, ...cannotHandOver, severity: "error" }];
}

function versionObstacle(connector: Connector, { engine, engineVersion }: ConnectorWish): ConnectorProblem[] {
  const range = connector.engines[engine];
  if (range !== undefined && inRange(engineVersion, range)) return [];
  return [{
    what: `${connector.name} does not exist in ${titleOf(engine)} ${engineVersion}`,
    why: range === undefined ? `no version of ${titleOf(engine)} has it` : connector.whyMissing ?? `it needs ${range}`,
    fix: "--kv-connector auto",
    severity: "error",
  }];
}

/** A topology without workers leaves only what is wrong with the device itself. */
function deviceObstacles(connector: Connector, { engine, engineVersion, device }: ConnectorWish): ConnectorProblem[] {
  return connector.problems({ engine, engineVersion, device, workers: [] }).filter(({ severity }) =>
    severity === "error"
  );
}

function importObstacles(connector: Connector, { imports }: ConnectorWish): ConnectorProblem[] {
  return connector.imports.filter((module) => imports[module] === null).map((module) => ({
    what: `${connector.name} needs the Python module "${module}"`,
    why: "it does not import in the engine's Python",
    fix: installHint(module),
    severity: "error",
  }));
}

/** `NixlConnector: nixl 1.5.1 imports, vLLM 0.32.0, cpu`, with more clauses behind. */
function tell(
  connector: Connector,
  { engine, engineVersion, device, imports }: ConnectorWish,
  ...more: string[]
): string {
  const modules = isSimulated(engine) ? [] : connector.imports.map((module) => {
    const version = imports[module];
    return typeof version === "string" ? `${module} ${version} imports` : `${module} not looked for`;
  });
  const disk = connector.name === "ExampleConnector" ? ["KV goes over disk"] : [];
  const place = isSimulated(engine)
    ? `simulated ${engine === "sim" ? "vLLM" : "SGLang"} ${engineVersion}`
    : `${titleOf(engine)} ${engineVersion}, ${device}`;
  return `${connector.name}: ${[...disk, ...modules, place, ...more].join(", ")}`;
}

function whyNotNixl(best: Connector, wish: ConnectorWish): string[] {
  const first = obstaclesTo(usual(wish), wish)[0];
  return best === usual(wish) || first === undefined ? [] : [`since ${first.what} (${first.fix})`];
}

function titleOf(engine: string): string {
  return engine === "vllm" ? "vLLM" : engine === "sglang" ? "SGLang" : engine;
}
