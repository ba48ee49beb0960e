// The clients towards workers, by the name `--upstream` takes.

import type { UpstreamClient } from "./client.ts";
import { createFetchClient } from "./fetch_client.ts";
import { createRawClient } from "./raw_client.ts";
import type { UpstreamOptions } from "./upstream_options.ts";

export const upstreamClients = {
  raw: createRawClient,
  fetch: createFetchClient,
} satisfies Record<string, (options?: Partial<UpstreamOptions>) => UpstreamClient>;

export type UpstreamClientName = keyof typeof upstreamClients;
