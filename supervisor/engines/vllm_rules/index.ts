// Every known way for vLLM to fail.

import type { DiagnosisRule } from "../engine.ts";

export const vllmRules: readonly DiagnosisRule[] = [];
