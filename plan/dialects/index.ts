// The file formats pdserve reads, asked in this order. Import it only when there is a file: it loads a YAML parser.

import type { Dialect, ReadFile } from "./dialect.ts";
import { pdserveYaml } from "./pdserve_yaml.ts";

export const dialects = { pdserve: pdserveYaml } satisfies Record<string, Dialect>;

/** Reads a settings file in the first dialect that knows it; pdserve's own is the last resort and says what is wrong. */
export function readSettingsFile(text: string, path: string): ReadFile {
  const all: readonly Dialect[] = Object.values(dialects);
  return (all.find((dialect) => dialect.matches(path, text)) ?? pdserveYaml).read(text, path);
}
