// What `npm run conformance` runs: the official clients and schemathesis ask one plain engine and pdserve the same, and
// docs/conformance.md says where the answers differ. Real CPU vLLM where it can be had, else the simulated engine. Fails at a
// difference that nobody has explained.

import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { clientCases } from "../tests/e2e/clients.ts";
import { conformancePage } from "./conformance/page.ts";
import { type Findings, type Operation, type SeenByBoth, tooFewServed, unexplained } from "./conformance/findings.ts";
import { installClients } from "./conformance/install_clients.ts";
import { type Servers, startServers } from "./conformance/start_servers.ts";

/** Requests for each operation, half of them as the document says and half not. */
const EXAMPLES = 12;
const folder = join(import.meta.dir, "conformance");
const document = join(import.meta.dir, "../tests/fixtures/vllm-openapi/0.32.0.json");

const clients = installClients(console.log);
const servers = await startServers(console.log);
const findings = await find(servers).finally(servers.stop);
const worse = unexplained(findings);
const few = tooFewServed(findings);
for (const line of worse) console.log(`nobody has explained: ${line}`);
for (const line of few) console.log(`too few: ${line}`);
if (clients.is === "installed") writeFileSync("docs/conformance.md", conformancePage(findings));
console.log(`${worse.length} unexplained differences`);
process.exit(worse.length + few.length === 0 ? 0 : 1);

async function find(both: Servers): Promise<Findings> {
  const npm = await askByNpmClients(both);
  if (clients.is === "unavailable") {
    console.log(`skipped the Python clients: ${clients.reason}`);
    return { engine: both.engine, versions: {}, npm, python: [], operations: [] };
  }
  const { plain, pdserve, model } = both;
  const run = (script: string, ...args: readonly string[]) =>
    linesOf([clients.python, "-B", join(folder, script), ...args]);
  const python = (await run("ask_by_openai.py", plain, pdserve, model)).map((line): SeenByBoth => JSON.parse(line));
  const operations = (await run("ask_by_schema.py", document, plain, pdserve, model, String(EXAMPLES / 2)))
    .map((line): Operation => JSON.parse(line.replaceAll(model, "MODEL")));
  return { engine: both.engine, versions: clients.versions, npm, python, operations };
}

async function askByNpmClients({ plain, pdserve, model }: Servers): Promise<readonly SeenByBoth[]> {
  const all: SeenByBoth[] = [];
  for (const { client, name, ask } of clientCases) {
    const [direct, through] = [await ask({ url: plain, model }), await ask({ url: pdserve, model })];
    all.push({ case: `${client}: ${name}`, plain: direct, pdserve: through });
  }
  return all;
}

async function linesOf(command: readonly string[]): Promise<readonly string[]> {
  console.log(`asking by ${basename(command[2]!)}…`);
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const text = await new Response(child.stdout).text();
  if (await child.exited !== 0) throw new Error(`${command.slice(2, 3).join(" ")} ended with ${child.exitCode}`);
  return text.trim().split("\n");
}
