// What `pdserve connectors check` asks of this machine.

import { connect } from "node:net";
import { type Check, checkConnector, classProbe } from "../../kv/check_connector.ts";
import type { EngineHere } from "../../kv/connector_here.ts";
import type { ConnectorDescription } from "../../kv/describe_connector.ts";
import type { InstalledEngine } from "../../plan/machine.ts";
import { type Imported, importModules } from "../../plan/probe/import_modules.ts";
import { type EngineQuestion, probeEngine } from "../../plan/probe/probe_engine.ts";
import { runCommand } from "../../plan/probe/run_command.ts";

export interface ConnectorMeans {
  findEngine(question: EngineQuestion): Promise<InstalledEngine | null>;
  /** `question.modules` are the ones to import. */
  importAll(question: EngineQuestion): Promise<Readonly<Record<string, Imported>>>;
  listens(host: string, port: number): Promise<boolean>;
}

const connectLimitMs = 2_000;

export function realMeans(env: Readonly<Record<string, string | undefined>>): ConnectorMeans {
  return {
    findEngine: (question) => probeEngine(question, env.PATH, runCommand),
    importAll: (question) => importModules(question, env.PATH, runCommand),
    listens: (host, port) =>
      new Promise((resolve) => {
        const socket = connect({ host, port, timeout: connectLimitMs });
        const end = (answer: boolean) => (socket.destroy(), resolve(answer));
        socket.on("connect", () => end(true)).on("error", () => end(false)).on("timeout", () => end(false));
      }),
  };
}

/** `question` is null where no Python is to be asked, as with the simulator. */
export async function probeConnector(
  description: ConnectorDescription,
  engine: EngineHere | null,
  question: EngineQuestion | null,
  means: ConnectorMeans,
): Promise<readonly Check[]> {
  const { connector } = description;
  const modules = [...connector.imports, classProbe(connector)];
  const [imported, listening] = await Promise.all([
    engine === null || question === null ? {} : means.importAll({ ...question, modules }),
    Promise.all(
      (connector.servers ?? []).map(async ({ host, port }) =>
        [`${host}:${port}`, await means.listens(host, port)] as const
      ),
    ),
  ]);
  const isSimulated = question === null && engine !== null;
  const asked = isSimulated ? { ...connector, imports: [], servers: [] } : connector;
  return checkConnector({ ...description, connector: asked }, {
    engine,
    imported,
    listening: Object.fromEntries(listening),
  });
}
