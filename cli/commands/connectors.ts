// `pdserve connectors`: which connectors there are, which work here, and everything known of one.

import type { Connector, ExtraConfig } from "../../kv/connector.ts";
import { connectorHere, type EngineHere } from "../../kv/connector_here.ts";
import { connectorJson, explainedJson } from "../../kv/connector_json.ts";
import { type ConnectorDescription, describeConnector } from "../../kv/describe_connector.ts";
import { connectors, connectorsOf, findConnector, sglangConnectors } from "../../kv/index.ts";
import type { InstalledEngine } from "../../plan/machine.ts";
import { hasErrors, type Problem } from "../../plan/problem.ts";
import { questionFor } from "../plan_from_argv.ts";
import { planSources } from "../plan_sources.ts";
import { exitCodes } from "../exit_codes.ts";
import { exitCodeOf, problemsText } from "../print_problems.ts";
import { readWish, type Wish } from "../read_wish.ts";
import { paintFor, wantsColor } from "../render/color.ts";
import { connectorChecksText, connectorPageText, type ConnectorScreen } from "../render/connector_page.ts";
import { type ConnectorRow, connectorsTableText } from "../render/connectors_table.ts";
import type { VerbInput } from "./command.ts";
import { type ConnectorMeans, probeConnector, realMeans } from "./probe_connector.ts";

export async function connectorsCommand(
  { argv, context }: VerbInput,
  means: ConnectorMeans = realMeans(context.env),
): Promise<number> {
  const { stdout, stderr, env } = context;
  const wish = await readWish(planSources(argv, context));
  const asked = readWords(wish.line.operands);
  const problems = [...wish.problems, ...(asked.is === "wrong" ? [asked.problem] : [])];
  const screen = {
    columns: stdout.isTerminal ? stdout.columns : Infinity,
    paint: paintFor(wantsColor(env, stdout.isTerminal)),
  };
  stderr.write(problemsText(problems, paintFor(wantsColor(env, stderr.isTerminal)), screen.columns));
  if (asked.is === "wrong" || hasErrors(problems)) return exitCodeOf(problems);

  const isJson = wish.spec.settings.output.value === "json";
  const engine = await engineHere(wish, means);
  const answer = asked.is === "list"
    ? listAnswer(engine)
    : asked.is === "explain"
    ? explainAnswer(asked.name, engine, wish)
    : await checkAnswer(asked.name, engine, wish, means);
  stdout.write(isJson ? JSON.stringify({ schema: 1, ...answer.json }, null, 2) + "\n" : answer.text(screen));
  return answer.exitCode;
}

interface Answer {
  readonly json: Readonly<Record<string, unknown>>;
  readonly text: (screen: ConnectorScreen) => string;
  readonly exitCode: number;
}

type Asked =
  | { readonly is: "list" }
  | { readonly is: "explain" | "check"; readonly name: string }
  | { readonly is: "wrong"; readonly problem: Problem };

/** Nothing, `explain NAME`, `check NAME`, or only NAME, which is explained. */
function readWords(words: readonly string[]): Asked {
  const [first, second, third] = words;
  if (first === undefined) return { is: "list" };
  const isVerb = first === "explain" || first === "check";
  const name = isVerb ? second : first;
  const extra = isVerb ? third : second;
  if (name === undefined) {
    return wrong(
      `Name a connector after ${first}`,
      `${first} is about one of them`,
      `pdserve connectors ${first} nixl`,
    );
  }
  if (extra !== undefined) {
    return wrong(
      `Cannot read "${extra}" after ${name}`,
      "one connector at a time",
      `pdserve connectors explain ${name}`,
    );
  }
  const found = findConnector(name);
  if (found.is === "known") return { is: isVerb ? first : "explain", name: found.connector.name };
  const known = [...Object.keys(connectors), ...Object.keys(sglangConnectors)].join(", ");
  return wrong(
    `Unknown connector "${name}"`,
    `known are ${known}`,
    `pdserve connectors ${isVerb ? first : "explain"} ${found.nearest ?? "NixlConnector"}`,
  );
}

function wrong(what: string, why: string, fix: string): Asked {
  return { is: "wrong", problem: { what, why, fix, where: "argument", severity: "error", exitCode: 2 } };
}

/** Null when no engine is found. */
async function engineHere({ spec, engine }: Wish, means: ConnectorMeans): Promise<EngineHere | null> {
  const simulated = engine.impliedVersion?.([]);
  const question = questionFor(spec, engine).engine;
  const installed: InstalledEngine | null = simulated !== undefined
    ? { name: engine.name, version: simulated, imports: {}, device: null }
    : question && await means.findEngine(question);
  if (installed === null) return null;
  const asked = spec.settings.device.value;
  const device = asked === "cpu" || asked === "cuda" ? asked : installed.device ?? "cuda";
  return { engine: engine.name, engineVersion: installed.version, device, imports: installed.imports };
}

function listAnswer(engine: EngineHere | null): Answer {
  const own = rowsOf(engine?.engine ?? "vllm", engine);
  // Nobody has looked whether the other engine is here too.
  const others = rowsOf(engine?.engine.endsWith("sglang") ? "vllm" : "sglang", null);
  return {
    json: {
      engine: engineJson(engine),
      connectors: own.map(({ description, here }) => connectorJson(description, here)),
      other_engines: others.map(({ description, here }) => connectorJson(description, here)),
    },
    text: (screen) => connectorsTableText(own, others, engine, screen),
    exitCode: exitCodes.ok,
  };
}

function rowsOf(engine: string, here: EngineHere | null): readonly ConnectorRow[] {
  return connectorsOf(engine).map((connector: Connector) => ({
    description: describeConnector(connector),
    here: connectorHere(connector.name, here),
  }));
}

function explainAnswer(name: string, engine: EngineHere | null, wish: Wish): Answer {
  const description = described(name, engine, wish);
  const here = connectorHere(name, engine, extraConfigOf(wish));
  return {
    json: { engine: engineJson(engine), connector: explainedJson(description, here) },
    text: (screen) => connectorPageText(description, here, screen),
    exitCode: exitCodes.ok,
  };
}

async function checkAnswer(
  name: string,
  engine: EngineHere | null,
  wish: Wish,
  means: ConnectorMeans,
): Promise<Answer> {
  const description = described(name, engine, wish);
  const checks = await probeConnector(description, engine, questionFor(wish.spec, wish.engine).engine, means);
  const failed = checks.some((check) => check.is === "failed");
  return {
    json: { engine: engineJson(engine), connector: name, works: !failed, checks },
    text: (screen) => connectorChecksText(description, checks, screen),
    exitCode: engine === null ? exitCodes.engineMissing : failed ? exitCodes.couldNotStart : exitCodes.ok,
  };
}

/** For the version and device found here, as far as the connector exists there. */
function described(name: string, engine: EngineHere | null, wish: Wish): ConnectorDescription {
  const extraConfig = extraConfigOf(wish);
  const { connector } = findConnector(name, extraConfig);
  if (engine === null) return describeConnector(connector, extraConfig);
  const { engineVersion, device } = engine;
  const runs = connector.devices.includes(device);
  return describeConnector(connector, extraConfig, { engineVersion, ...(runs ? { device } : {}) });
}

function extraConfigOf({ spec }: Wish): ExtraConfig {
  return (spec.settings.kvExtraConfig.value ?? {}) as ExtraConfig;
}

function engineJson(engine: EngineHere | null) {
  return engine && { name: engine.engine, version: engine.engineVersion, device: engine.device };
}
