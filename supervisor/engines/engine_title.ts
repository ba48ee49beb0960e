// What people call an engine.

/** Simulators are told by their names, so that those who only hold a plan need no registry. */
export function isSimulator(engineName: string): boolean {
  return engineName === "sim" || engineName.startsWith("sim-");
}

export function engineTitle(engineName: string): string {
  return titles[engineName] ?? engineName;
}

const titles: Readonly<Record<string, string>> = { vllm: "vLLM", sglang: "SGLang" };
