import { expect, test } from "bun:test";
import { join } from "node:path";
import { machineNowMs } from "../../../cli/procs/machine_clock.ts";

test("two processes read one time, whenever each began", async () => {
  const path = JSON.stringify(join(import.meta.dir, "../../../cli/procs/machine_clock.ts"));
  const script = `import { machineNowMs } from ${path}; console.log(machineNowMs());`;
  const before = machineNowMs();
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  const told = Number(await new Response(child.stdout).text());
  expect(told).toBeGreaterThan(before);
  expect(told).toBeLessThan(machineNowMs());
});
