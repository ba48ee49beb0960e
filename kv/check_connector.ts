// One line for each thing that must be right before a connector can work here, from what was probed.

import type { Connector, ConnectorProblem, ExternalServer } from "./connector.ts";
import { connectorHere, type EngineHere } from "./connector_here.ts";
import type { ConnectorDescription } from "./describe_connector.ts";
import { installHint } from "./install_hint.ts";

export interface Check {
  readonly is: "ok" | "warning" | "failed";
  readonly what: string;
  /** What to do; null where there is nothing to do. */
  readonly fix: string | null;
}

export interface Probed {
  /** Null when there is no engine here. */
  readonly engine: EngineHere | null;
  /** Module, or `vllm:NAME` or `sglang:BACKEND` for the connector's own class → version, or the error its import ended with. */
  readonly imported: Readonly<Record<string, { readonly version: string | null } | { readonly error: string }>>;
  /** By `host:port`. */
  readonly listening: Readonly<Record<string, boolean>>;
}

export function checkConnector({ connector, asked, problems }: ConnectorDescription, probed: Probed): readonly Check[] {
  const { engine } = probed;
  // What does not import is told by its own lines, with the error.
  const here = connectorHere(connector.name, engine && { ...engine, imports: {} }, asked.extraConfig);
  const told = here.is === "no" ? here.problems : [];
  const more = problems.filter(({ what }) => !told.some((known) => known.what === what));
  return [
    engineCheck(engine),
    ...told.map(checkOf),
    ...(here.is === "yes" ? [ok(`hands KV from prefill to decode (${connector.shape})`)] : []),
    ...connector.imports.map((module) => importCheck(module, probed)),
    ...classCheck(connector, probed),
    ...(connector.servers ?? []).map((server) => serverCheck(server, probed)),
    ...more.map(checkOf),
  ];
}

/** The name of the probe that loads the connector's class inside its engine. */
export function classProbe({ name, sglangBackend }: Connector): string {
  return sglangBackend === undefined ? `vllm:${name}` : `sglang:${sglangBackend}`;
}

function engineCheck(engine: EngineHere | null): Check {
  if (engine === null) return { is: "failed", what: "no engine found", fix: "pip install vllm, or --engine-command" };
  return ok(`${engine.engine} ${engine.engineVersion} on ${engine.device}`);
}

function importCheck(module: string, { imported }: Probed): Check {
  const answer = imported[module];
  if (answer === undefined) return { is: "warning", what: `${module} was not tried`, fix: installHint(module) };
  if ("error" in answer) {
    return { is: "failed", what: `import ${module}: ${answer.error}`, fix: installHint(module) };
  }
  return ok(`import ${module}: ${answer.version ?? "works"}`);
}

function classCheck(connector: Connector, { imported }: Probed): readonly Check[] {
  const answer = imported[classProbe(connector)];
  if (answer === undefined) return [];
  const { name, sglangBackend } = connector;
  const [engine, whose] = sglangBackend === undefined
    ? ["vLLM", name]
    : ["SGLang", `transfer backend ${sglangBackend}`];
  if ("error" in answer) {
    return [{ is: "failed", what: `${engine} cannot load ${whose}: ${answer.error}`, fix: "--kv-connector auto" }];
  }
  return [ok(`${engine} loads its ${sglangBackend === undefined ? `class ${name}` : whose}`)];
}

function serverCheck({ name, host, port, command }: ExternalServer, { listening }: Probed): Check {
  const at = `${name} at ${host}:${port}`;
  return listening[`${host}:${port}`]
    ? ok(`${at} listens`)
    : { is: "failed", what: `${at} does not listen; pdserve does not start it`, fix: command };
}

function checkOf({ what, why, fix, severity }: ConnectorProblem): Check {
  return { is: severity === "error" ? "failed" : "warning", what: `${what}: ${why}`, fix };
}

function ok(what: string): Check {
  return { is: "ok", what, fix: null };
}
