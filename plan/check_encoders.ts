// Can this engine be an encoder worker at all?

import { inRange } from "../kv/version_range.ts";
import type { Engine } from "../supervisor/engines/engine.ts";
import type { Problem } from "./problem.ts";
import type { WorkerSlot } from "./worker_command.ts";

/** What pdserve knows how to wire. SGLang's arguments are those of 0.5.23; older versions have others or none. */
const withEncoders: Readonly<Record<string, string>> = {
  ...{ vllm: "*", sim: "*" },
  ...{ sglang: ">=0.5.20", "sim-sglang": ">=0.5.20" },
};

export function checkEncoders(
  workers: readonly Pick<WorkerSlot, "role">[],
  { name }: Engine,
  version: string,
): readonly Problem[] {
  const encoders = workers.filter(({ role }) => role === "encode").length;
  const range = withEncoders[name];
  if (encoders === 0 || (range !== undefined && inRange(version, range))) return [];
  return [{
    what: `Cannot start ${encoders === 1 ? "an encoder worker" : `${encoders} encoder workers`} of ${name} ${version}`,
    why: range === undefined
      ? "pdserve starts encoders of vLLM and SGLang"
      : `pdserve knows its --encoder-only and --encoder-urls in ${range}`,
    fix: range === undefined
      ? "--engine vllm, or leave the encoders out"
      : "install a newer one, or leave the encoders out",
    where: "topology",
    severity: "error",
    exitCode: 2,
  }];
}
