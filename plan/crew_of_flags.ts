// The workers that --prefill-gpus, --decode-gpus, --pd and the sizes ask for.

import type { Engine } from "../supervisor/engines/engine.ts";
import { type CrewWish, workerSlot } from "./crew.ts";
import { alsoAnEncoder, encoderCrew } from "./encoder_crew.ts";
import { groupGpus } from "./group_gpus.ts";
import type { GpuWish } from "./listed_gpus.ts";
import type { Machine } from "./machine.ts";
import type { Spec } from "./spec.ts";
import type { Surroundings } from "./surroundings.ts";
import { type RoleShape, roleShape } from "./worker_shape.ts";

export function crewOfFlags(spec: Spec, machine: Machine, engine: Engine, around: Surroundings): CrewWish {
  const { shape: prefill, problems: prefillProblems } = roleShape("prefill", spec, engine);
  const { shape: decode, problems: decodeProblems } = roleShape("decode", spec, engine);
  return {
    userArgs: [...prefill.userArgs, ...decode.userArgs],
    secrets: { ...prefill.env, ...decode.env },
    problems: [...prefillProblems, ...decodeProblems],
    place: (namesOnly) => {
      const encoders = encoderCrew(spec, machine, engine, around, namesOnly);
      const takenNames = encoders.workers.flatMap(({ gpus }) => gpus);
      const wish = { ...gpuWish(spec, prefill, decode, namesOnly), takenNames };
      const twice = alsoAnEncoder(takenNames, wish, machine);
      // Told once: to prefill and decode the encoders' GPUs do not exist.
      const groups = groupGpus(wish, twice.length > 0 ? machine : encoders.rest);
      return {
        workers: [
          ...encoders.workers,
          ...groups.prefill.map((gpus, index) => workerSlot("prefill", index, gpus, prefill, around)),
          ...groups.decode.map((gpus, index) => workerSlot("decode", index, gpus, decode, around)),
        ],
        split: groups.reason,
        ports: {},
        problems: [...encoders.problems, ...twice, ...groups.problems],
      };
    },
  };
}

function gpuWish(spec: Spec, prefill: RoleShape, decode: RoleShape, namesOnly: boolean): GpuWish {
  const sizeOf = ({ tp, dp, pp }: RoleShape) => tp === null && dp * pp === 1 ? null : (tp ?? 1) * dp * pp;
  return {
    gpus: { prefill: spec.settings.prefillGpus, decode: spec.settings.decodeGpus },
    sizes: { prefill: sizeOf(prefill), decode: sizeOf(decode) },
    pd: spec.settings.pd,
    namesOnly,
  };
}
