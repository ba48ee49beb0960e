// vime's --vllm-config.

import { serverGroupsDialect } from "./server_groups.ts";

export const vime = serverGroupsDialect({ name: "vime", key: "vllm" });
