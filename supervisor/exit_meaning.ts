// What an exit code or signal says by itself, when the log says nothing.

export interface Exit {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

interface Meaning {
  readonly why: string;
  readonly fix: string | null;
}

/** `was killed by SIGKILL`, `ended with exit code 0 without being asked to`. */
export function exitText({ exitCode, signal }: Exit): string {
  if (signal !== null) return `was killed by ${signal}`;
  if (exitCode === null) return "runs but does not serve";
  return exitCode === 0 ? "ended with exit code 0 without being asked to" : `ended with exit code ${exitCode}`;
}

/** `fix` is null where only reading the log can help. */
export function exitMeaning({ exitCode, signal }: Exit): Meaning {
  const name = signal ?? signalOfShell(exitCode);
  if (name !== null) return signals[name] ?? { why: `a signal ended it: ${name}`, fix: null };
  if (exitCode === null) return { why: "it neither answered its probe nor ended", fix: null };
  return codes[exitCode] ?? { why: "the engine gave up", fix: null };
}

const kernelKill: Meaning = {
  why: "nothing it wrote says why; the kernel's out-of-memory killer ends processes so",
  fix:
    "dmesg -T | grep -i 'killed process'; if it names this worker, run fewer workers or lower --kv-cache-memory-bytes",
};

const nativeCrash: Meaning = {
  why: "native code of the engine crashed",
  fix: "try --enforce-eager, then another --attention-backend, and report it to the engine's makers with the log",
};

const askedByOthers: Meaning = {
  why: "somebody else asked it to stop: a service manager, a batch system, or a kill by hand",
  fix: "look there for who did",
};

const signals: Readonly<Record<string, Meaning>> = {
  SIGKILL: kernelKill,
  SIGSEGV: nativeCrash,
  SIGABRT: nativeCrash,
  SIGFPE: nativeCrash,
  SIGILL: {
    why: "this build uses processor instructions that this machine has not",
    fix: "take a build of the engine for this processor",
  },
  SIGBUS: {
    why: "shared memory (/dev/shm) is probably too small",
    fix: "start the container with --ipc=host, or with --shm-size 16g",
  },
  SIGTERM: askedByOthers,
  SIGINT: askedByOthers,
  SIGHUP: askedByOthers,
};

const codes: Readonly<Record<number, Meaning>> = {
  0: { why: "vLLM ends with exit code 0 when its engine died", fix: null },
  2: { why: "the engine did not take its arguments", fix: null },
  126: { why: "the engine's command cannot be executed", fix: "correct --engine-command" },
  127: { why: "the engine's command was not found", fix: "install the engine, or correct --engine-command" },
};

/** Shells and wrappers turn the end by signal N into exit code 128 + N. */
function signalOfShell(exitCode: number | null): string | null {
  const numbers: Readonly<Record<number, string>> = {
    ...{ 129: "SIGHUP", 130: "SIGINT", 132: "SIGILL", 134: "SIGABRT", 135: "SIGBUS", 136: "SIGFPE" },
    ...{ 137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM" },
  };
  return exitCode === null ? null : numbers[exitCode] ?? null;
}
