// How this program starts itself again: as one compiled binary, or as the runtime with main.ts.

import { fileURLToPath } from "node:url";

/** Where the modules of a compiled binary live (Bun's virtual file system). */
const COMPILED = "/$bunfs/";

/** Leading words of the command line that runs this program; arguments follow. */
export function selfCommand(moduleUrl = import.meta.url, runtime = process.execPath): readonly string[] {
  const modulePath = fileURLToPath(moduleUrl);
  if (modulePath.startsWith(COMPILED)) return [runtime];
  return [runtime, "run", fileURLToPath(new URL("../main.ts", moduleUrl))];
}
