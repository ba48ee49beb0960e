// Runs one short command for its output, never longer than its limit.

import { spawn } from "node:child_process";

export type CommandAnswer =
  | { readonly is: "ended"; readonly code: number | null; readonly stdout: string; readonly stderr: string }
  | { readonly is: "missing" }
  | { readonly is: "too-slow" };

export type RunCommand = (command: readonly string[], limitMs: number) => Promise<CommandAnswer>;

/** Answers at the limit even when the command cannot be killed, as one that hangs inside a driver. */
export const runCommand: RunCommand = ([program = "", ...args], limitMs) =>
  new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    const limit = setTimeout(() => {
      child.kill("SIGKILL");
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      resolve({ is: "too-slow" });
    }, limitMs);
    child.stdout.setEncoding("utf8").on("data", (text: string) => stdout += text);
    child.stderr.setEncoding("utf8").on("data", (text: string) => stderr += text);
    child.on("error", () => {
      clearTimeout(limit);
      resolve({ is: "missing" });
    });
    child.on("close", (code) => {
      clearTimeout(limit);
      resolve({ is: "ended", code, stdout, stderr });
    });
  });
