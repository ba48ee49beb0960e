// The answer of Mooncake's bootstrap server: who serves each rank of a prefill worker.
// Shape: { "<dp>": { engine_id, worker_addr: { "<tp>": { "<pp>": "tcp://host:port" } } } }

import type { Discovery } from "./connector.ts";
import type { Json } from "./json.ts";

/** Engine id by DP rank; null until every rank of every size has registered, as decode waits for those that have not. */
export const readBootstrap: Discovery["read"] = (answer, { dp, tp, pp }) => {
  const engineIds: Record<string, string> = {};
  for (let rank = 0; rank < dp; rank++) {
    const entry = member(answer, rank);
    const engineId = member(entry, "engine_id");
    const addresses = range(tp).flatMap((tpRank) =>
      range(pp).map((ppRank) => member(member(member(entry, "worker_addr"), tpRank), ppRank))
    );
    if (typeof engineId !== "string" || addresses.some((address) => typeof address !== "string")) return null;
    engineIds[rank] = engineId;
  }
  return engineIds;
};

function member(value: Json | undefined, name: string | number): Json | undefined {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as Readonly<Record<string, Json>>)[name] : undefined;
}

function range(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => index);
}
