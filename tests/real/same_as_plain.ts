// Every request of requests.ts, answered by a pair as one plain engine answers it.

import { expect, test } from "bun:test";
import type { RealPair } from "./real_pair.ts";
import { cases, expectSame, post, withModel } from "./requests.ts";

/** `pair` is asked for when a test runs, since it starts after the tests are made; `make` is `test` or `test.skip`. */
export function testSameAsPlain(pair: () => RealPair, make: typeof test | typeof test.skip = test): void {
  for (const each of cases) {
    make(`${each.name}: the answer is the plain engine's`, async () => {
      const { pdserve, plain: plainUrl } = pair();
      const body = withModel(each.body());
      const split = await post(pdserve.url, each.path, body);
      const plain = await post(plainUrl, each.path, body);
      expect(split.status).toBe(200);
      expectSame(split, plain);
    });
  }
}
