// Sessions over the whole router: every way to name one leads to one pair.

import { expect, test } from "bun:test";
import { policies } from "../../router/policies/index.ts";
import { completion, makeFakeFleet } from "./fake_fleet.ts";

const workers = ["prefill-0", "prefill-1", "prefill-2", "decode-0", "decode-1", "decode-2"];
const ways: readonly (readonly [string, (key: string) => [Record<string, string>, Record<string, unknown>]])[] = [
  ["X-SMG-Routing-Key", (key) => [{ "x-smg-routing-key": key }, {}]],
  ["X-Session-ID", (key) => [{ "X-Session-ID": key }, {}]],
  ["x-correlation-id", (key) => [{ "x-correlation-id": key }, {}]],
  ["the body's session_id", (key) => [{}, { session_id: key }]],
  ["the body's user", (key) => [{}, { user: key }]],
  ["a header before the body", (key) => [{ "x-session-id": key }, { user: "somebody" }]],
];

async function pairOf(way: (typeof ways)[number][1], key: string): Promise<string> {
  const makePolicy = policies.consistent_hash;
  const fleet = makeFakeFleet({ workers, policies: { prefill: makePolicy(), decode: makePolicy() } });
  // Others come between, so that turns do not explain it.
  for (let i = 0; i < key.length; i++) await fleet.post("/v1/completions", completion());
  const [headers, extra] = way(key);
  const response = await fleet.post("/v1/completions", completion(extra), { headers });
  return `${response.headers.get("x-pdserve-prefill")} ${response.headers.get("x-pdserve-decode")}`;
}

for (const [name, way] of ways) {
  test(`consistent_hash takes the session from ${name}`, async () => {
    const keys = ["s1", "another", "third one", "k"];
    const pairs = await Promise.all(keys.map((key) => pairOf(way, key)));
    expect(await Promise.all(keys.map((key) => pairOf(ways[0]![1], key)))).toEqual(pairs);
    expect(new Set(pairs).size).toBeGreaterThan(1);
  });
}
