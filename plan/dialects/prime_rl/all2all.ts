// How experts exchange tokens: the backends PRIME-RL knows, then and now.

import { nearestName } from "../../../kv/nearest_name.ts";
import type { Problem } from "../../problem.ts";
import type { EngineArgument } from "../../spec.ts";
import { errorAt } from "../tell.ts";
import type { TomlValues } from "../toml/toml_values.ts";

const backends = [
  ...["allgather_reducescatter", "deepep_high_throughput", "deepep_low_latency"],
  ...["flashinfer_all2allv", "mori", "naive", "pplx"],
  ...["flashinfer_nvlink_one_sided", "flashinfer_nvlink_two_sided"],
];

/** `--all2all-backend` as the key says it; nothing where it is not said. */
export function all2allArgument(values: TomlValues, path: string, problems: Problem[]): EngineArgument[] {
  const said = values.text(path);
  if (said === null) return [];
  const { value, origin } = said;
  if (backends.includes(value)) return [{ words: ["--all2all-backend", value], origin }];
  const key = path.split(".").at(-1);
  problems.push(errorAt(origin, {
    what: `${key} cannot be "${value}"`,
    why: `it is one of ${backends.join(", ")}`,
    fix: `${key} = "${nearestName(value, backends) ?? backends[0]}"`,
  }));
  return [];
}
