// Flags as a fix spells them: for the failing worker's role where roles may differ.

import type { Evidence } from "../engine.ts";

/** `--decode.gpu-memory-utilization 0.42`; without a role prefix for workers that have no flags of their own. */
export function roleFlag({ role }: Evidence, flag: string, value: string | number): string {
  return role === "prefill" || role === "decode" ? `--${role}.${flag} ${value}` : `--${flag} ${value}`;
}

/** `--decode-tp 4`. */
export function tpFlag({ role }: Evidence, size: number): string {
  return role === "prefill" || role === "decode" ? `--${role}-tp ${size}` : `--tp ${size}`;
}

/** The next larger tensor parallel size: models divide by powers of two. */
export function moreGpus(evidence: Evidence): string {
  return tpFlag(evidence, Math.max(2, evidence.gpus.length * 2));
}

export function gpuText({ gpus }: Evidence): string {
  if (gpus.length === 0) return "the GPU";
  return gpus.length === 1 ? `GPU ${gpus[0]}` : `GPUs ${gpus.join(",")}`;
}

/** `held by python (pid 40121) 74.1 GiB`, or null when nobody else is known to hold memory. */
export function holdersText({ holders = [] }: Evidence): string | null {
  if (holders.length === 0) return null;
  return "held by " +
    holders.map(({ name, pid, bytes }) => `${name} (pid ${pid}) ${(bytes / 2 ** 30).toFixed(1)} GiB`).join(", ");
}

/** The command that names whoever listens on a port. */
export function whoListens(port: string | number): string {
  return `ss -ltnp 'sport = :${port}'`;
}
