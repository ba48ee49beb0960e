// Which connector a run uses, and why, in one line for people.

import type { Connector, ConnectorProblem, Device } from "./connector.ts";
import { connectors, findConnector } from "./index.ts";
import { inRange } from "./version_range.ts";

export interface ConnectorWish {
  /** `auto`, or a name or alias. */
  readonly asked: string;
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
];

/** A choice, or every reason why what was asked for cannot run here. Pair rules come later, from `Connector.problems`. */
export function chooseConnector(wish: ConnectorWish): ConnectorChoice | ConnectorProblem[] {
  if (wish.asked.toLowerCase() === "auto") return chooseBest(wish);
  const found = findConnector(wish.asked);
  if (found.is === "unknown") return chooseUnknown(found.connector, found.nearest);
  const obstacles = obstaclesTo(found.connector, wish);
  if (obstacles.length > 0) return obstacles;
  return { connector: found.connector, reason: tell(found.connector, wish, "asked for"), warnings: [] };
}

function chooseBest(wish: ConnectorWish): ConnectorChoice | ConnectorProblem[] {
  const best = preferred.find((connector) => obstaclesTo(connector, wish).length === 0);
  if (best === undefined) return obstaclesTo(connectors.NixlConnector, wish);
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
  const version = versionObstacle(connector, wish);
  if (wish.engine === "sim") return version;
  return [...version, ...deviceObstacles(connector, wish), ...importObstacles(connector, wish)];
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
    fix: `pip install ${packageOf[module] ?? module}`,
    severity: "error",
  }));
}

/** Where the package is not named as the module is. */
const packageOf: Readonly<Record<string, string>> = { mooncake: "mooncake-transfer-engine", zmq: "pyzmq" };

/** `NixlConnector: nixl 1.5.1 imports, vLLM 0.32.0, cpu`, with more clauses behind. */
function tell(
  connector: Connector,
  { engine, engineVersion, device, imports }: ConnectorWish,
  ...more: string[]
): string {
  const modules = engine === "sim" ? [] : connector.imports.map((module) => {
    const version = imports[module];
    return typeof version === "string" ? `${module} ${version} imports` : `${module} not looked for`;
  });
  const disk = connector.name === "ExampleConnector" ? ["KV goes over disk"] : [];
  const place = engine === "sim" ? `simulated vLLM ${engineVersion}` : `${titleOf(engine)} ${engineVersion}, ${device}`;
  return `${connector.name}: ${[...disk, ...modules, place, ...more].join(", ")}`;
}

function whyNotNixl(best: Connector, wish: ConnectorWish): string[] {
  const first = obstaclesTo(connectors.NixlConnector, wish)[0];
  return best === connectors.NixlConnector || first === undefined ? [] : [`since ${first.what} (${first.fix})`];
}

function titleOf(engine: string): string {
  return engine === "vllm" ? "vLLM" : engine;
}
