// Every known way for vLLM to fail. Of two rules for one line the first speaks, so special causes stand before general.

import type { DiagnosisRule } from "../engine.ts";
import { connectorRules } from "./connector.ts";
import { engineArgumentRules } from "./engine_arguments.ts";
import { gpuMemoryRules } from "./gpu_memory.ts";
import { gpuSoftwareRules } from "./gpu_software.ts";
import { handshakeRules } from "./handshake.ts";
import { hostMemoryRules } from "./host_memory.ts";
import { modelRules } from "./model.ts";
import { networkRules } from "./network.ts";
import { processDeathRules } from "./process_death.ts";

export const vllmRules: readonly DiagnosisRule[] = [
  ...gpuMemoryRules,
  ...hostMemoryRules,
  ...modelRules,
  ...engineArgumentRules,
  ...connectorRules,
  ...handshakeRules,
  ...networkRules,
  ...gpuSoftwareRules,
  ...processDeathRules,
];
