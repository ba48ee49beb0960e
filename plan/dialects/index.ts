// The file formats pdserve reads, asked in this order. Import it only when there is a file: it loads a YAML parser.

import type { Asked, Dialect, ReadFile } from "./dialect.ts";
import { kubernetes } from "./serve_lines/kubernetes.ts";
import { pdjob } from "./pdjob/pdjob.ts";
import { pdserveYaml } from "./pdserve_yaml/pdserve_yaml.ts";
import { primeRl } from "./prime_rl/prime_rl.ts";
import { shell } from "./serve_lines/shell.ts";
import { slime } from "./rollout/slime.ts";
import { vime } from "./rollout/vime.ts";

export const dialects = {
  vime,
  slime,
  "prime-rl": primeRl,
  pdjob,
  kubernetes,
  shell,
  pdserve: pdserveYaml,
} satisfies Record<
  string,
  Dialect
>;

/**
 * Reads a settings file in the dialect asked for, else in the first that knows it; pdserve's own is the last resort and says what is
 * wrong.
 */
export function readSettingsFile(
  text: string,
  path: string,
  forced: string | null = null,
  asked: Asked = {},
): ReadFile {
  const all: readonly Dialect[] = Object.values(dialects);
  const fits = (dialect: Dialect) => forced === null ? dialect.matches(path, text) : dialect.name === forced;
  return (all.find(fits) ?? pdserveYaml).read(text, path, asked);
}
