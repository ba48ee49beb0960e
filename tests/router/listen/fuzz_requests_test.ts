import { expect, test } from "bun:test";
import { hasLlhttp } from "../../fuzz/llhttp.ts";
import { fuzzRequests } from "../../fuzz/requests.ts";

// Skipped only where the development dependency undici, which brings llhttp, is missing.
test.skipIf(!hasLlhttp())("random and damaged requests: target, body and end are those of llhttp", () => {
  const { accepted, refused } = fuzzRequests(Date.now() % 2 ** 32, 2);
  expect(accepted).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
});
