import { expect, test } from "bun:test";
import { leastTokens } from "../../../router/policies/least_tokens.ts";

const request = { sessionKey: null, bodyBytes: 1, prompt: new Uint8Array() };

test("few long prompts weigh more than many short ones", () => {
  const workers = [
    { name: "long", inFlight: 1, outstandingTokens: 100_000 },
    { name: "short", inFlight: 10, outstandingTokens: 900 },
  ];
  for (let i = 0; i < 3; i++) {
    expect(leastTokens().rank(workers, request).map(({ name }) => name)).toEqual(["short", "long"]);
  }
});
