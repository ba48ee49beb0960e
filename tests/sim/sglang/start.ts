// Simulated SGLang workers as processes of their own: started, waited for, stopped.

import { join } from "node:path";
import { freePort } from "../../e2e/plain_engine.ts";

export interface SglangSim {
  readonly url: string;
  readonly bootstrapPort: number;
  log(): string;
  stop(): Promise<void>;
}

export async function startSglangSim(
  mode: "null" | "prefill" | "decode",
  env: Readonly<Record<string, string>> = {},
): Promise<SglangSim> {
  const [port, bootstrapPort] = [await freePort(), await freePort()];
  const pd = mode === "null" ? [] : ["--disaggregation-mode", mode, "--disaggregation-transfer-backend", "nixl"];
  const child = Bun.spawn([
    ...[process.execPath, join(import.meta.dir, "../../../main.ts"), "sim-sglang", "--model-path", "tiny"],
    ...["--port", String(port), "--context-length", "1024", "--sim-startup-ms", "1", ...pd],
    ...["--disaggregation-bootstrap-port", String(bootstrapPort)],
  ], { env: { ...process.env, ...env }, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  let log = "";
  const ready = Promise.withResolvers<void>();
  void (async () => {
    for await (const chunk of child.stderr) {
      log += new TextDecoder().decode(chunk);
      if (log.includes("ready to roll")) ready.resolve();
    }
    ready.reject(new Error(`the simulated SGLang ended:\n${log}`));
  })();
  await ready.promise;
  const stop = async () => {
    child.kill("SIGKILL");
    await child.exited;
  };
  return { url: `http://127.0.0.1:${port}`, bootstrapPort, log: () => log, stop };
}
