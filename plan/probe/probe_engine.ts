// Which engine would this command start, and what does its Python have?

import { open } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Engine } from "../../supervisor/engines/engine.ts";
import type { InstalledEngine } from "../machine.ts";
import type { RunCommand } from "./run_command.ts";

/** A cold `vllm --version` imports torch from disk. */
const limitMs = 60_000;

export interface EngineQuestion {
  readonly engine: Engine;
  /** The words that replace the engine's own name; empty for that. */
  readonly command: readonly string[];
  /** Top-level Python modules to look for. */
  readonly modules: readonly string[];
}

/** Null when the command does not run or tells no version; also for an engine whose arguments decide its version. */
export async function probeEngine(
  { engine, command, modules }: EngineQuestion,
  path: string | undefined,
  run: RunCommand,
): Promise<InstalledEngine | null> {
  if (engine.impliedVersion) return null;
  const words = command.length > 0 ? command : [engine.name];
  const scriptHead = await scriptHeadOf(words, path);
  const answer = await run(engine.versionCommand(words, { scriptHead, modules }), limitMs);
  if (answer.is !== "ended") return null;
  const installed = engine.readInstalled?.(answer.stdout) ?? null;
  if (installed !== null) return installed;
  const version = answer.code === 0 ? engine.readVersion(answer.stdout) : null;
  return version === null ? null : { name: engine.name, version, imports: {}, device: null };
}

/** The beginning of the script that the last word names, PATH and links followed: its first line names the Python it runs in. */
export async function scriptHeadOf(words: readonly string[], path = ""): Promise<string | undefined> {
  const word = words.at(-1) ?? "";
  const places = word.includes("/") ? [word] : path.split(delimiter).map((folder) => join(folder, word));
  for (const place of places) {
    const head = await firstBytes(place);
    if (head !== null) return head;
  }
  return undefined;
}

async function firstBytes(path: string): Promise<string | null> {
  const file = await open(path).catch(() => null);
  if (file === null) return null;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
    return buffer.toString("latin1", 0, bytesRead);
  } catch {
    return null;
  } finally {
    await file.close();
  }
}
