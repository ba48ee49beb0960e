// PRIME-RL's connector of today: NIXL, and with `[inference.kv_cache_offload]` a second one beside it.

import type { Json } from "../../../kv/json.ts";
import type { Saying } from "../../layer.ts";
import type { Problem } from "../../problem.ts";
import type { Origin } from "../../spec.ts";
import { errorAt } from "../tell.ts";
import { findTable, type TomlTable } from "../toml/toml_tree.ts";
import type { TomlValues } from "../toml/toml_values.ts";

const nixlExtra: Json = { num_threads: 1 };

export function primeOffload(
  inference: TomlTable,
  values: TomlValues,
  start: Origin,
  problems: Problem[],
): readonly Saying[] {
  const table = findTable(inference, "kv_cache_offload");
  if (table === null) return connector("NixlConnector", nixlExtra, start);
  const type = values.text("kv_cache_offload.type");
  if (type !== null && type.value !== "native") {
    problems.push(errorAt(type.origin, {
      what: `Cannot offload by "${type.value}" here`,
      why: "upstream runs it on a cluster's stores only",
      fix: 'type = "native"',
    }));
    return [];
  }
  const bytes = values.whole("kv_cache_offload.cpu.num_bytes");
  if (bytes === null) {
    const what = "Say how much memory the offloaded KV may take";
    problems.push(
      errorAt(table.origin, { what, why: "the cpu tier is needed", fix: "cpu = { num_bytes = 10000000000 }" }),
    );
    return [];
  }
  const disk = values.text("kv_cache_offload.disk.path");
  const tiers: Json = disk === null ? {} : {
    spec_name: "TieringOffloadingSpec",
    secondary_tiers: [{ type: "fs_python", root_dir: disk.value }],
  };
  const offload: Json = { cpu_bytes_to_use: bytes.value, ...(tiers as Record<string, Json>) };
  const child = (name: string, extra: Json): Json => ({
    ...{ kv_connector: name, kv_role: "kv_both", kv_connector_extra_config: extra },
  });
  const connectors = [child("NixlConnector", nixlExtra), child("OffloadingConnector", offload)];
  return connector("MultiConnector", { connectors }, table.origin);
}

function connector(name: string, extra: Json, origin: Origin): readonly Saying[] {
  return [
    { key: "kvConnector", text: name, origin },
    { key: "kvExtraConfig", text: JSON.stringify(extra), origin },
  ];
}
