// What the other workers of a plan are told of its encoder workers.

import type { PlanBasis, WorkerSlot } from "./worker_command.ts";
import { playsSglang } from "./plays_sglang.ts";

/** vLLM's encoders are met in a folder, SGLang's by their addresses. */
export function withEncoders(basis: PlanBasis, slots: readonly WorkerSlot[]): PlanBasis {
  const encoders = slots.filter(({ role }) => role === "encode");
  if (encoders.length === 0) return basis;
  const encoderUrls = encoders.map(({ host, port }) => `http://${host.includes(":") ? `[${host}]` : host}:${port}`);
  const told = playsSglang(basis.engine.name) ? { encoderUrls } : {};
  return { ...basis, launch: { ...basis.launch, encodes: true, ...told } };
}
