import { expect, test } from "bun:test";
import { fuzzHttp } from "../../fuzz/http.ts";
import { hasLlhttp } from "../../fuzz/llhttp.ts";

// Skipped only where the development dependency undici, which brings llhttp, is missing.
test.skipIf(!hasLlhttp())("random and damaged answers: status, body and end are those of llhttp", () => {
  const { accepted, refused } = fuzzHttp(Date.now() % 2 ** 32, 2);
  expect(accepted).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
});
