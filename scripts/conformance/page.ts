// docs/conformance.md, made of what a run has found.

import packages from "../../package.json" with { type: "json" };
import { type Difference, differs, explain, type Findings, type Operation, type SeenByBoth } from "./findings.ts";

export function conformancePage(findings: Findings): string {
  return [
    intro,
    `Last run: ${findings.engine}; ${versionsLine(findings)}.`,
    "",
    "## Clients",
    "",
    "| call | seen of both | differs |",
    "| --- | --- | --- |",
    ...findings.npm.map((each) => callRow("npm", each)),
    ...findings.python.map((each) => callRow("Python", each)),
    "",
    "## schemathesis",
    "",
    "| operation | requests | 200 of both | the engine's statuses | differ |",
    "| --- | --: | --: | --- | --: |",
    ...findings.operations.map(operationRow),
    "",
    "## Differences",
    "",
    ...differenceLines(findings.operations),
    "",
  ].join("\n");
}

const intro = `# Conformance

<!-- Written by \`npm run conformance\`. Explanations stand in scripts/conformance/explanations.ts. -->

\`npm run conformance\` asks one plain engine and pdserve the same and compares status, content type and the types of all
members; texts, ids and numbers may differ. The official clients make the calls of their users; schemathesis makes requests
from vLLM's own OpenAPI document, as many that fit it as that do not, with the served model's name and short limits. Where
sampling lets one engine differ from itself, it is asked up to five times. The document allows far more than an engine takes, so
where text is generated, half of the requests are fitted to what is served (scripts/conformance/fit_body.py): the words and
options are schemathesis', shapes and ranges the engine's. Fewer than a third of 200s there, or a difference without an
explanation, fail the run.
`;

function versionsLine({ versions }: Findings): string {
  const { openai, "@anthropic-ai/sdk": anthropic } = packages.devDependencies;
  const python = Object.entries(versions).map(([name, version]) => `${name} ${version} (Python)`);
  return [`openai ${openai} and @anthropic-ai/sdk ${anthropic} (npm)`, ...python].join(", ");
}

function callRow(source: string, seen: SeenByBoth): string {
  const { status, as } = seen.plain as { readonly status: number; readonly as: string };
  return `| ${source} ${seen.case} | ${status === 200 ? "200" : `${status} ${as}`} | ${
    differs(seen) ? "**yes**" : "no"
  } |`;
}

function operationRow({ operation, asked, served, statuses, differences }: Operation): string {
  const counts = Object.entries(statuses).map(([status, count]) => `${status} × ${count}`).join(", ");
  return `| \`${operation}\` | ${asked} | ${served} | ${counts} | ${differences.length} |`;
}

/** One entry for each operation, explanation and pair of statuses, with one request of it. */
function differenceLines(operations: readonly Operation[]): readonly string[] {
  const entries = new Map<string, string>();
  for (const each of operations) {
    for (const difference of each.differences) {
      const why = explain(each, difference) ?? "**not explained**";
      const key = `${each.operation}: ${difference.plain.status} → ${difference.pdserve.status}: ${why}`;
      if (!entries.has(key)) {
        entries.set(key, `- \`${each.operation}\`: ${statusesOf(difference)}. ${why}${example(difference)}`);
      }
    }
  }
  return entries.size === 0 ? ["None."] : [...entries.values()];
}

function statusesOf({ plain, pdserve }: Difference): string {
  return `the engine ${plain.status}, pdserve ${pdserve.status}`;
}

function example({ request }: Difference): string {
  return request === "" || request === `""` || request.length > 160 ? "" : ` E.g. \`${request.replaceAll("`", "'")}\``;
}
