// slime's --sglang-config.

import { serverGroupsDialect } from "./server_groups.ts";

export const slime = serverGroupsDialect({ name: "slime", key: "sglang" });
