// What a bug report needs, in one archive, with secrets taken out.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { KnownRun } from "../../control/list_runs.ts";
import { isSecretName } from "../../plan/secrets.ts";
import { makeSecretMask } from "../../supervisor/mask_secrets.ts";
import { tarOf } from "./tar.ts";

/** Of a log only the end: a week of it would not fit into an issue. */
const LOG_BYTES = 2 * 2 ** 20;

/** `reports` are texts by file name. Returns the names of the files in it. */
export function writeBundle(
  path: string,
  reports: Readonly<Record<string, string>>,
  run: KnownRun | null,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const secrets = Object.entries(env).flatMap(([name, value]) => value && isSecretName(name) ? [value] : []);
  const mask = makeSecretMask(secrets);
  const files = [...Object.entries(reports), ...(run === null ? [] : filesOf(run))];
  writeFileSync(path, gzipSync(tarOf(files.map(([name, text]) => ({ name: `pdserve/${name}`, text: mask(text) })))), {
    mode: 0o600,
  });
  return files.map(([name]) => name);
}

/** plan.json is masked when it is written; logs are masked as they are. */
function filesOf({ path }: KnownRun): [string, string][] {
  const logs = namesIn(join(path, "logs")).map((name) => join("logs", name));
  return ["plan.json", "run.json", "events.ndjson", ...logs].flatMap((name): [string, string][] => {
    try {
      return [[name, readFileSync(join(path, name)).subarray(-LOG_BYTES).toString("utf8")]];
    } catch {
      return [];
    }
  });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
