// KV params that a client puts where engines read them besides the two top-level members, which are simply removed:
// vLLM copies `vllm_xargs` and `sampling_params.extra_args` into the same place. An engine dies of wrong ones.

import { scanBody, type ScannedBody } from "./body/scan_body.ts";
import { clientKvMembers } from "./prefill_edit.ts";
import type { OwnError } from "./own_error.ts";

const holders = ["vllm_xargs", "extra_args", "sampling_params"];
/** Deeper than any engine looks. The limit also keeps a body of nothing but holders in holders from costing its square. */
const MAX_DEPTH = 3;

/** The refusal; null for an honest body. Looks at each occurrence: readers differ in which of two equal names counts. */
export function whySmuggled(body: ScannedBody): OwnError | null {
  const param = smuggledIn(body, 1);
  return param === null ? null : {
    status: 400,
    message: `${param} carries KV transfer params, which are not a client's to set; leave them out`,
    param,
  };
}

function smuggledIn({ bytes, members }: ScannedBody, depth: number): string | null {
  for (const { name, valueStart, valueEnd } of members) {
    if (!holders.includes(name)) continue;
    const inner = scanBody(bytes.subarray(valueStart, valueEnd));
    if (inner.is === "refused") continue;
    if (inner.members.some((member) => (clientKvMembers as readonly string[]).includes(member.name))) return name;
    if (depth < MAX_DEPTH && smuggledIn(inner, depth + 1) !== null) return name;
  }
  return null;
}
