// Every recording of push/, example/, mooncake/, multi/ and tp/, played against two simulated engines; counters included where
// the recording noted them.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectPlayed, expectSameText } from "./golden/expect_played.ts";
import { changes, readCounters, watchedOnly } from "./golden/metric_changes.ts";
import { type Pair, replayLegs } from "./golden/replay_legs.ts";
import { GOLDEN, readLegs } from "./golden/transcript.ts";
import { freePort, post, type Sim, startSim, TEST_LIMIT_MS, until } from "./start_sim.ts";

setDefaultTimeout(TEST_LIMIT_MS);

/** Recordings that are not played here, and why. */
const notPlayed: Readonly<Record<string, string>> = {
  "push/metrics_P.txt": "names and labels: golden_metrics_test.ts",
  "push/metrics_D.txt": "names and labels: golden_metrics_test.ts",
  "push/missing_tp_size.txt": "the request is not in it: dangerous_inputs_test.ts",
  "push/prefill_dead_peer_known.txt": "the request is not in it: dangerous_inputs_test.ts",
  "push/decode_after_lease_33s.txt": "played below with a short lease",
  "mooncake/query.json": "compared below",
};

/** Recorded counters that follow from what an engine had in its cache before. */
const countersDiffer: Readonly<Record<string, string>> = {
  "push/full_local_hit_on_D.txt": "the decode engine of the recording had seen the prompt before",
};

const shared = mkdtempSync(join(tmpdir(), "sim-kv-"));
afterAll(() => rmSync(shared, { recursive: true, force: true }));

const nixl = { kv_connector: "NixlConnector" };
const example = { kv_connector: "ExampleConnector", kv_connector_extra_config: { shared_storage_path: shared } };
const configs: Readonly<Record<string, (role: string) => Record<string, unknown>>> = {
  push: (role) => ({ kv_connector: "NixlPushConnector", engine_id: role === "kv_producer" ? "P0" : "D0" }),
  example: () => example,
  tp: () => nixl,
  multi: (role) => ({
    kv_connector: "MultiConnector",
    kv_connector_extra_config: { connectors: [nixl, example].map((child) => ({ ...child, kv_role: role })) },
  }),
};

/** Further flags of the prefill engine. */
const prefillArgs: Readonly<Record<string, readonly string[]>> = { tp: ["--tensor-parallel-size", "2"] };

for (const [folder, config] of Object.entries(configs)) {
  describe(`${folder}/`, () => {
    let pair: Pair;
    beforeAll(async () => {
      pair = await startPair(config, {}, prefillArgs[folder]);
    });
    afterAll(() => Promise.all([pair.P.stop(), pair.D.stop()]));
    for (const name of readdirSync(join(GOLDEN, folder)).sort()) {
      const file = `${folder}/${name}`;
      if (file in notPlayed) continue;
      test(`a pair plays ${file} as the real one did`, async () => {
        const legs = readLegs(file);
        const before = { P: await readCounters(pair.P), D: await readCounters(pair.D) };
        const played = await replayLegs({ ...legs, exchanges: legs.exchanges.filter(isLeg) }, pair);
        expectPlayed(played);
        if (legs.metricChanges && !(file in countersDiffer)) {
          expect(changes(before.P, await readCounters(pair.P))).toEqual(watchedOnly(legs.metricChanges.P));
          expect(changes(before.D, await readCounters(pair.D))).toEqual(watchedOnly(legs.metricChanges.D));
        }
        const reference = await replayReference(legs.exchanges, pair);
        if (reference) expectSameText([...played, reference]);
      });
    }
  });
}

test("push/decode_after_lease_33s.txt: a decode leg after the lease waits for ever", async () => {
  const pair = await startPair((role) => ({
    ...configs["push"]!(role),
    kv_connector_extra_config: { kv_lease_duration: 0.05 },
  }));
  const legs = readLegs("push/decode_after_lease_33s.txt");
  const played = await replayLegs({ ...legs, exchanges: legs.exchanges.filter(isLeg) }, pair, async () => {
    await until(async () => JSON.stringify(await pair.P.json("/sim/state")).includes('"leases":[]'));
  });
  expectPlayed(played);
  await Promise.all([pair.P.stop(), pair.D.stop()]);
});

describe("mooncake/", () => {
  const bootstrap = { port: 0, engineId: "" };
  let pair: Pair;
  beforeAll(async () => {
    bootstrap.port = await freePort();
    const env = { VLLM_MOONCAKE_BOOTSTRAP_PORT: String(bootstrap.port) };
    pair = await startPair(() => ({ kv_connector: "MooncakeConnector" }), env);
    const query = await (await fetch(`http://127.0.0.1:${bootstrap.port}/query`)).json() as Record<string, never>;
    bootstrap.engineId = query["0"]!["engine_id"];
  });
  afterAll(() => Promise.all([pair.P.stop(), pair.D.stop()]));

  test("the bootstrap server answers in the shape of mooncake/query.json", async () => {
    const golden = readFileSync(join(GOLDEN, "mooncake/query.json"), "utf8");
    const own = await (await fetch(`http://127.0.0.1:${bootstrap.port}/query`)).json();
    const shape = (value: unknown) =>
      JSON.stringify(value).replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "<uuid>").replaceAll(/:\d{4,5}/g, ":<port>");
    expect(shape(own)).toBe(shape(JSON.parse(golden)));
  });

  for (const name of ["concurrent.txt", "sequential.txt"]) {
    test(`a pair plays mooncake/${name} as the real one did`, async () => {
      const legs = readLegs(`mooncake/${name}`);
      const exchanges = legs.exchanges.map((exchange) => ({
        ...exchange,
        body: exchange.body
          ?.replaceAll("http://127.0.0.1:8998", `http://127.0.0.1:${bootstrap.port}`)
          .replaceAll(/"remote_engine_id": "[^"]*"/g, `"remote_engine_id": "${bootstrap.engineId}"`) ?? null,
      }));
      const played = await replayLegs({ ...legs, exchanges }, pair);
      expectPlayed(played);
      const [, decode] = played;
      const alone = await post(pair.P, "/v1/completions", withoutParams(decode!.golden.body!));
      const ids = (body: string) => (JSON.parse(body) as { choices: { token_ids: number[] }[] }).choices[0]?.token_ids;
      expect(ids(decode!.answer!.body)).toEqual(ids(await alone.text()));
    });
  }
});

function isLeg({ title }: { readonly title: string }): boolean {
  return !title.startsWith("reference");
}

async function replayReference(exchanges: ReturnType<typeof readLegs>["exchanges"], pair: Pair) {
  const golden = exchanges.find((exchange) => !isLeg(exchange));
  if (!golden) return null;
  return (await replayLegs({ exchanges: [golden], metricChanges: null }, pair))[0]!;
}

function withoutParams(body: string): string {
  return JSON.stringify({ ...JSON.parse(body), kv_transfer_params: undefined });
}

async function startPair(
  config: (role: string) => Record<string, unknown>,
  prefillEnv: Readonly<Record<string, string>> = {},
  prefillFlags: readonly string[] = [],
): Promise<Pair> {
  const args = ["--max-model-len", "1024", "--block-size", "32", "--sim-handshake-timeout-ms", "50"];
  const start = (role: string, env: Readonly<Record<string, string>>, flags: readonly string[]): Promise<Sim> =>
    startSim({ args: [...args, ...flags], env, connector: { ...config(role), kv_role: role } });
  const [P, D] = await Promise.all([
    start("kv_producer", prefillEnv, prefillFlags),
    start("kv_consumer", {}, []),
  ]);
  return { P, D };
}
