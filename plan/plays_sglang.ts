// Whether an engine is SGLang, or the simulator in its part.

export function playsSglang(engineName: string): boolean {
  return engineName === "sglang" || engineName === "sim-sglang";
}
