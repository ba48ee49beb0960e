import { expect, test } from "bun:test";
import { prefixAffinity } from "../../../router/policies/prefix_affinity.ts";

const idle = ["a", "b", "c"].map((name) => ({ name, inFlight: 0, outstandingTokens: 0 }));
const facts = (text: string) => ({ sessionKey: null, bodyBytes: text.length, prompt: new TextEncoder().encode(text) });
const turn = (session: string, words: number) => `[system ${session} ${`${session} says something. `.repeat(words)}`;

test("the next turn of a conversation finds the worker of the last one", () => {
  const policy = prefixAffinity();
  const sessions = ["one", "two", "three", "four"];
  const first = sessions.map((session) => policy.rank(idle, facts(turn(session, 20)))[0]!.name);
  expect(new Set(first).size).toBe(3);
  for (const words of [30, 100, 400]) {
    expect(sessions.map((session) => policy.rank(idle, facts(turn(session, words)))[0]!.name)).toEqual(first);
  }
});

test("prompts too short for a cached block take turns", () => {
  const policy = prefixAffinity();
  const first = new Set(Array.from({ length: 6 }, () => policy.rank(idle, facts("Hi"))[0]!.name));
  expect(first.size).toBe(3);
});

test("a worker far busier than the others is not waited for, and the prefix moves with the request", () => {
  const policy = prefixAffinity();
  const owner = policy.rank(idle, facts(turn("one", 50)))[0]!.name;
  const busy = idle.map((worker) => worker.name === owner ? { ...worker, inFlight: 100 } : worker);
  const next = policy.rank(busy, facts(turn("one", 60)))[0]!.name;
  expect(next).not.toBe(owner);
  expect(policy.rank(idle, facts(turn("one", 70)))[0]!.name).toBe(next);
});

test("the prefix of a worker that has gone is somebody else's", () => {
  const policy = prefixAffinity();
  const owner = policy.rank(idle, facts(turn("one", 50)))[0]!.name;
  const left = idle.filter(({ name }) => name !== owner);
  expect(left.map(({ name }) => name)).toContain(policy.rank(left, facts(turn("one", 60)))[0]!.name);
});
