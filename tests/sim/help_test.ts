import { expect, setDefaultTimeout, test } from "bun:test";
import { helpText } from "../../sim/help.ts";
import { simFlags } from "../../sim/settings/sim_flags.ts";
import { spawnSim, TEST_LIMIT_MS } from "./start_sim.ts";

setDefaultTimeout(TEST_LIMIT_MS);

test("sim-engine --help documents every --sim-* flag and exits with 0", async () => {
  const sim = await spawnSim({ args: ["--help"] });
  expect(await sim.exited).toBe(0);
  expect(sim.log()).toBe(helpText());
  for (const { name, help } of simFlags) {
    expect(helpText()).toMatch(new RegExp(`--sim-${name}\\b.* ${help.slice(0, 20)}`));
  }
});

test("sim-engine --version prints the version it plays, alone", async () => {
  const sim = await spawnSim({ args: ["--version", "--sim-vllm-version", "0.22.0"] });
  expect(await sim.exited).toBe(0);
  expect(sim.log()).toBe("0.22.0\n");
});
