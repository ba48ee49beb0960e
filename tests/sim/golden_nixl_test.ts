// Every recording of nixl/, played against two simulated engines.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expectPlayed, expectSameText } from "./golden/expect_played.ts";
import { type Pair, replayLegs } from "./golden/replay_legs.ts";
import { GOLDEN, readLegs } from "./golden/transcript.ts";
import { startSim, TEST_LIMIT_MS, until } from "./start_sim.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const files = readdirSync(join(GOLDEN, "nixl"));

/** Recordings that are not played here, and why. */
const notPlayed: Readonly<Record<string, string>> = {
  "metrics_P.txt": "names and labels: golden_metrics_test.ts",
  "metrics_D.txt": "names and labels: golden_metrics_test.ts",
  "startup_P.log": "golden_log_test.ts",
  "startup_D.log": "golden_log_test.ts",
};

/** Decode engines that compute the prompt themselves when the load fails. */
const recompute = [
  "recompute_ok_first.txt",
  "recompute_wrong_engine_id.txt",
  "recompute_wrong_port.txt",
  "recompute_prefill_killed_between_legs.txt",
  "lease_5s_expired_recompute_policy.txt",
  "block_ids_out_of_range.txt",
];
/** Pairs that a recording leaves unusable, or that must be new. */
const ownPair = ["kv_missing_fields_only_flag.txt", "recompute_prefill_killed_between_legs.txt"];
const expires = ["decode_after_lease_expiry.txt", "lease_5s_expired_recompute_policy.txt"];
/** Played for status and headers only. */
const bodyDiffers: Readonly<Record<string, string>> = {
  "second.txt": "the recorded model ended its text by itself after 4 of 8 tokens",
};
const plain = files.filter((name) => !(name in notPlayed) && ![...recompute, ...ownPair, ...expires].includes(name));

describe("nixl/, policy fail", () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair({});
  });
  afterAll(() => stopPair(pair));
  for (const name of plain) {
    test(`a pair plays ${name} as the real one did`, async () => {
      const played = await replayLegs(readLegs(`nixl/${name}`), pair);
      expectPlayed(played, name in bodyDiffers ? "heads" : "all");
      expectSameText(played);
    });
  }
});

describe("nixl/, policy recompute", () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair({ kv_load_failure_policy: "recompute" });
  });
  afterAll(() => stopPair(pair));
  for (const name of recompute.filter((name) => !ownPair.includes(name) && !expires.includes(name))) {
    test(`a pair plays ${name} as the real one did`, async () => {
      expectPlayed(await replayLegs(readLegs(`nixl/${name}`), pair));
    });
  }
});

for (const name of expires) {
  test(`a read after the lease of ${name} is answered as if nothing were wrong, and told by the prefill engine`, async () => {
    const policy = recompute.includes(name) ? "recompute" : "fail";
    const pair = await startPair({ kv_load_failure_policy: policy }, { kv_lease_duration: 0.05 });
    const played = await replayLegs(readLegs(`nixl/${name}`), pair, async () => {
      await until(async () => JSON.stringify(await pair.P.json("/sim/state")).includes('"leases":[]'));
    });
    expectPlayed(played);
    await until(async () => (await violations(pair)).length > 0);
    expect(await violations(pair)).toEqual(["expired_read"]);
    expect(pair.P.log()).toContain("Releasing expired KV blocks for request ");
    await stopPair(pair);
  });
}

test("recompute_prefill_killed_between_legs.txt: a decode engine that knew the dead one computes the prompt", async () => {
  const pair = await startPair({ kv_load_failure_policy: "recompute" });
  await replayLegs(readLegs("nixl/recompute_ok_first.txt"), pair);
  const played = await replayLegs(readLegs("nixl/recompute_prefill_killed_between_legs.txt"), pair, async () => {
    await pair.P.stop();
  });
  expectPlayed(played);
  await pair.D.stop();
});

test("kv_missing_fields_only_flag.txt: the decode server answers 500, exits with code 0, and says why", async () => {
  const pair = await startPair({});
  expectPlayed(await replayLegs(readLegs("nixl/kv_missing_fields_only_flag.txt"), pair));
  expect(await pair.D.exited).toBe(0);
  expect(pair.D.log()).toContain("AssertionError");
  expect(pair.D.log()).toContain("protocol violation E1");
  await pair.P.stop();
});

test("every recording of nixl/ is played or listed with a reason", () => {
  const played = [...plain, ...recompute, ...ownPair, ...expires];
  expect(files.filter((name) => !played.includes(name) && !(name in notPlayed))).toEqual([]);
});

async function startPair(decode: Record<string, unknown>, prefillExtra: Record<string, unknown> = {}): Promise<Pair> {
  const args = ["--max-model-len", "1024", "--block-size", "32", "--sim-handshake-timeout-ms", "50"];
  const nixl = { kv_connector: "NixlConnector" };
  const [P, D] = await Promise.all([
    startSim({ args, connector: { ...nixl, kv_role: "kv_producer", kv_connector_extra_config: prefillExtra } }),
    startSim({ args, connector: { ...nixl, kv_role: "kv_consumer", ...decode } }),
  ]);
  return { P, D };
}

async function stopPair({ P, D }: Pair): Promise<void> {
  await Promise.all([P.stop(), D.stop()]);
}

async function violations({ P }: Pair): Promise<readonly string[]> {
  return (await P.json("/sim/violations") as { rule: string }[]).map(({ rule }) => rule);
}
