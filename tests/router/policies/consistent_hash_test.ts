import { expect, test } from "bun:test";
import { consistentHash } from "../../../router/policies/consistent_hash.ts";

const workers = ["a", "b", "c", "d"].map((name) => ({ name, inFlight: 0, outstandingTokens: 0 }));
const keys = Array.from({ length: 2_000 }, (_, i) => `session-${i}`);
const facts = (sessionKey: string) => ({ sessionKey, bodyBytes: 1, prompt: new Uint8Array() });
const chosen = (key: string, among = workers) => consistentHash().rank(among, facts(key))[0]!.name;

test("a session stays with its worker, whatever the order of the list", () => {
  for (const key of keys.slice(0, 50)) expect(chosen(key, workers.toReversed())).toBe(chosen(key));
});

test("sessions spread evenly, and only those of a worker that left move", () => {
  const before = keys.map((key) => chosen(key));
  for (const { name } of workers) {
    const share = before.filter((one) => one === name).length / keys.length;
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.3);
  }
  const left = workers.filter(({ name }) => name !== "b");
  const moved = keys.filter((key, i) => before[i] !== "b" && chosen(key, left) !== before[i]);
  expect(moved).toEqual([]);
});

test("a worker far busier than the others yields its sessions until it has caught up", () => {
  const key = keys.find((one) => chosen(one) === "a")!;
  const busy = workers.map((worker) => worker.name === "a" ? { ...worker, inFlight: 50 } : worker);
  expect(chosen(key, busy)).not.toBe("a");
  const alike = workers.map((worker) => ({ ...worker, inFlight: 50 }));
  expect(chosen(key, alike)).toBe("a");
});
