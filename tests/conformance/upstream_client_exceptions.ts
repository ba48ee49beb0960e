// What a client cannot do, by the title of the conformance test, each with the reason.

import type { UpstreamClientName } from "../../router/upstream/index.ts";

export const cannot: Readonly<Record<UpstreamClientName, Readonly<Record<string, string>>>> = {
  raw: {},
  fetch: {},
};
