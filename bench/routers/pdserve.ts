import { existsSync } from "node:fs";
import { join } from "node:path";
import { type RouterUnderTest, versionFrom } from "./router_under_test.ts";

const built = join(import.meta.dir, "../../dist/pdserve");

/** @param flags further ones; the name tells them apart in the table. */
function pdserveWith(name: string, flags: readonly string[], binary = built): RouterUnderTest {
  return {
    name,
    hops: 2,
    inQuick: true,
    // After two seconds a request costs 1.2 times what it costs after twelve.
    warmupSeconds: 10,
    install: "npm run build",
    find: () => existsSync(binary) ? versionFrom([binary, "--version"]) : null,
    start: ({ port, prefillPort, decodePort, folder }) => ({
      argv: [
        binary,
        ...["--prefill", `http://127.0.0.1:${prefillPort}`, "--decode", `http://127.0.0.1:${decodePort}`],
        ...["--kv-connector", "NixlConnector", "--no-canary", "--port", String(port), "--state-dir", folder],
        ...["--progress", "quiet", ...flags],
      ],
    }),
  };
}

export const pdserve = pdserveWith("pdserve", []);
/** An earlier build, to see in one run what a change has brought. */
export const pdserveBefore: RouterUnderTest = {
  ...pdserveWith("pdserve before", [], process.env.PDSERVE_BEFORE ?? "none"),
  inQuick: false,
  install: "PDSERVE_BEFORE=path/of/an/earlier/pdserve",
};
export const pdserveLogging = pdserveWith("pdserve with access log", ["--access-log", "access.log"]);
