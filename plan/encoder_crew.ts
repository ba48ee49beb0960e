// The encoder workers that --encode-gpus asks for, and the machine that is left for prefill and decode.

import type { Engine } from "../supervisor/engines/engine.ts";
import { workerSlot } from "./crew.ts";
import { readGpuList } from "./gpu_list.ts";
import { type GpuWish, type PdRole, physicalId, saidGpus } from "./listed_gpus.ts";
import type { Machine } from "./machine.ts";
import type { Problem } from "./problem.ts";
import { originText, type Spec } from "./spec.ts";
import type { Surroundings } from "./surroundings.ts";
import type { WorkerSlot } from "./worker_command.ts";
import { shapeOf } from "./worker_shape.ts";

export interface EncoderCrew {
  readonly workers: readonly WorkerSlot[];
  /** Without the encoders' GPUs. */
  readonly rest: Machine;
  readonly problems: readonly Problem[];
}

/** `0,1` are two encoders of a GPU each, `0,1;2,3` two of two. They get the arguments that are for both roles. */
export function encoderCrew(
  spec: Spec,
  machine: Machine,
  engine: Engine,
  around: Surroundings,
  namesOnly: boolean,
): EncoderCrew {
  const { value: text, origin } = spec.settings.encodeGpus;
  if (text === null) return { workers: [], rest: machine, problems: [] };
  const refuse = (what: string, why: string, fix: string): EncoderCrew => ({
    ...{ workers: [], rest: machine },
    problems: [{ what, why, fix, where: originText(origin), severity: "error", exitCode: 2 }],
  });
  const groups = readGpuList(text);
  if (groups === null) {
    return refuse(`--encode-gpus cannot be "${text}"`, "it lists ids: 0,1 or 0-3 or 0,1;2,3", "--encode-gpus 0");
  }
  const unknown = namesOnly ? undefined : groups.flat().find((id) => physicalId(id, machine) === null);
  if (unknown !== undefined) {
    const known = machine.gpus.map(({ id }) => id).join(", ");
    return refuse(`There is no GPU ${unknown} for an encoder`, `GPUs here: ${known || "none"}`, "--encode-gpus 0");
  }
  const ids = namesOnly ? groups : groups.map((group) => group.map((id) => physicalId(id, machine) ?? id));
  const taken = ids.flat();
  if (new Set(taken).size < taken.length) {
    return refuse(`A GPU is listed twice in --encode-gpus ${text}`, "a GPU belongs to one worker", "list each once");
  }
  const { prefill, decode } = spec.engineArgs;
  const env = spec.engineEnv.prefill.filter((one) => spec.engineEnv.decode.includes(one));
  const { shape, problems } = shapeOf(prefill.filter((one) => decode.includes(one)), env, engine);
  const workers = ids.length > 1 ? ids : ids.flat().map((id) => [id]);
  return {
    workers: workers.map((gpus, index) => workerSlot("encode", index, gpus, { ...shape, tp: gpus.length }, around)),
    rest: namesOnly ? machine : { ...machine, gpus: machine.gpus.filter(({ id }) => !taken.includes(id)) },
    problems,
  };
}

/** One problem for each role that lists an encoder's GPU. */
export function alsoAnEncoder(encoderGpus: readonly string[], wish: GpuWish, machine: Machine): readonly Problem[] {
  const roles: readonly PdRole[] = ["prefill", "decode"];
  return roles.flatMap((role) => {
    const both = [...new Set(saidGpus(role, wish, machine))].filter((id) => encoderGpus.includes(id));
    if (both.length === 0) return [];
    const which = `${both.length === 1 ? "GPU" : "GPUs"} ${both.join(", ")}`;
    return [{
      what: `${which} ${both.length === 1 ? "is" : "are"} in both --encode-gpus and --${role}-gpus`,
      why: "a GPU runs one role",
      fix: "list different GPUs for the two",
      where: originText(wish.gpus[role].origin),
      severity: "error",
      exitCode: 2,
    }];
  });
}
