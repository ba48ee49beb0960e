// What `npm run test:real` runs: the binary with real vLLM processes on the CPU. Where vLLM cannot be had, it says why and skips.

import { installRealVllm } from "./real_vllm/install.ts";
import { closingLine, runTests } from "./run_tests.ts";

const installed = installRealVllm(console.log);
if (installed.is === "unavailable") {
  console.log(`skipped the tests on a real vLLM: ${installed.reason}`);
  console.log(closingLine({ passed: 0, failed: 0, skipped: 1 }));
  process.exit(0);
}

const build = Bun.spawnSync([process.execPath, "run", "scripts/build.ts"], { stdio: ["ignore", "inherit", "inherit"] });
if (build.exitCode !== 0) {
  console.log(closingLine({ passed: 0, failed: 1, skipped: 0 }));
  process.exit(1);
}
const paths = Bun.argv.length > 2 ? Bun.argv.slice(2) : ["./tests/real"];
const env = { PDSERVE_TEST_VLLM: installed.at.vllm, PDSERVE_TEST_MODEL: installed.at.model };
const counts = runTests(paths, { timeoutMs: 600_000, env });
console.log(closingLine(counts));
process.exit(counts.failed === 0 ? 0 : 1);
