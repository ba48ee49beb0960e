// Can this engine be an encoder worker at all?

import type { Engine } from "../supervisor/engines/engine.ts";
import type { Problem } from "./problem.ts";
import type { WorkerSlot } from "./worker_command.ts";

/** SGLang's encoders talk to its language workers themselves, by other flags, which pdserve does not set. */
const withEncoders = ["vllm", "sim"];

export function checkEncoders(workers: readonly Pick<WorkerSlot, "role">[], engine: Engine): readonly Problem[] {
  const encoders = workers.filter(({ role }) => role === "encode").length;
  if (encoders === 0 || withEncoders.includes(engine.name)) return [];
  return [{
    what: `Cannot start ${encoders === 1 ? "an encoder worker" : `${encoders} encoder workers`} of ${engine.name}`,
    why: "pdserve starts encoders of vLLM only",
    fix: "--engine vllm, or leave the encoders out",
    where: "topology",
    severity: "error",
    exitCode: 2,
  }];
}
