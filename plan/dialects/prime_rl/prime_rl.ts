// PRIME-RL's TOML: the workers of `[pd_disagg]`, or of today's `[inference.deployment] type = "disaggregated"`.

import { emptyLayer } from "../../layer.ts";
import type { Problem } from "../../problem.ts";
import type { Origin } from "../../spec.ts";
import type { Dialect, ReadFile } from "../dialect.ts";
import { readDeployment } from "./deployment.ts";
import { readPdDisagg } from "./pd_disagg.ts";
import { errorAt } from "../tell.ts";
import { find, findTable, readToml, type TomlTable } from "../toml/toml_tree.ts";

/** One file without `toml_files`; the whole of a line, includes and overrides is load_toml.ts's. */
export const primeRl: Dialect = {
  name: "prime-rl",
  matches: (path) => /\.toml$/i.test(path),
  read: (text, path) => {
    const { table, problems } = readToml(text, path);
    if (problems.length > 0) return { layer: emptyLayer, problems };
    return readPrimeRl(table, { is: "file", path, line: 1 });
  },
};

/** `start` is where to say that a table is missing. */
export function readPrimeRl(tree: TomlTable, start: Origin): ReadFile {
  const problems: Problem[] = [];
  const pd = findTable(tree, "pd_disagg");
  const deployment = inferenceOf(tree);
  const layer = pd !== null
    ? readPdDisagg(tree, pd, problems)
    : deployment !== null
    ? readDeployment(deployment, tree, problems)
    : null;
  if (layer !== null) return { layer, problems };
  problems.push(errorAt(find(tree, "inference")?.origin ?? start, {
    what: "Say which GPUs prefill and which decode",
    why: 'there is neither [pd_disagg] nor [inference.deployment] type = "disaggregated"',
    fix: "[pd_disagg] with enabled = true, prefill_gpu_ids = [0] and decode_gpu_ids = [1]",
  }));
  return { layer: emptyLayer, problems };
}

/** `[inference]` of the whole run's file, or the top of the file that `uv run inference` takes. */
function inferenceOf(tree: TomlTable): TomlTable | null {
  const inner = findTable(tree, "inference");
  if (inner !== null && findTable(inner, "deployment") !== null) return inner;
  return findTable(tree, "deployment") !== null ? tree : null;
}
