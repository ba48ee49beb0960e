// What `npm run test:real` runs: the binary with real vLLM and SGLang processes on the CPU. Where one of them cannot be had, it
// says why and skips.

import { installRealSglang } from "./real_sglang/install.ts";
import { installRealVllm } from "./real_vllm/install.ts";
import { closingLine, runTests } from "./run_tests.ts";

const engines = { vLLM: installRealVllm(console.log), SGLang: installRealSglang(console.log) };
const missing = Object.entries(engines).flatMap(([name, { is, ...rest }]) =>
  is === "unavailable" && "reason" in rest ? [`${name}: ${rest.reason}`] : []
);
for (const reason of missing) console.log(`skipped the tests on a real ${reason}`);
const { vLLM, SGLang } = engines;
if (missing.length === Object.keys(engines).length) {
  console.log(closingLine({ passed: 0, failed: 0, skipped: missing.length }));
  process.exit(0);
}

const build = Bun.spawnSync([process.execPath, "run", "scripts/build.ts"], { stdio: ["ignore", "inherit", "inherit"] });
if (build.exitCode !== 0) {
  console.log(closingLine({ passed: 0, failed: 1, skipped: 0 }));
  process.exit(1);
}
// The tests on vLLM need it from their first line; those on SGLang skip themselves.
const all = vLLM.is === "installed" ? ["./tests/real"] : ["./tests/real/sglang_test.ts"];
const paths = Bun.argv.length > 2 ? Bun.argv.slice(2) : all;
const env = {
  ...(vLLM.is === "installed" ? { PDSERVE_TEST_VLLM: vLLM.at.vllm, PDSERVE_TEST_MODEL: vLLM.at.model } : {}),
  ...(SGLang.is === "installed"
    ? { PDSERVE_TEST_SGLANG: SGLang.at.sglang, PDSERVE_TEST_SGLANG_MODEL: SGLang.at.model }
    : {}),
};
const counts = await runTests(paths, { timeoutMs: 600_000, env });
console.log(closingLine(counts));
process.exit(counts.failed === 0 ? 0 : 1);
