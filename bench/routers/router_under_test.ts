// What the benchmark must know of a router to run it.

export interface StartContext {
  readonly port: number;
  readonly prefillPort: number;
  readonly decodePort: number;
  /** A further free port, for routers that insist on a metrics listener. */
  readonly metricsPort: number;
  /** A private folder for configuration files. */
  readonly folder: string;
}

export interface StartLine {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Written into the folder before the start, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface RouterUnderTest {
  readonly name: string;
  /** Two for a router that splits; one for a plain proxy to the decode worker, a floor rather than a rival. */
  readonly hops: 1 | 2;
  /** The version, or null when it is not installed. */
  find(): string | null;
  /** A router that costs ten times the others needs more time than `--quick` has. */
  readonly inQuick: boolean;
  /** How long it must run at full load until its runtime has compiled what it compiles as it goes. */
  readonly warmupSeconds?: number;
  /** What to type to have it. */
  readonly install: string;
  start(context: StartContext): StartLine;
}

/** The first match of `pattern` in what the command prints, or null when it cannot be run. */
export function versionFrom(argv: readonly string[], pattern = /(\d+\.\d+\.\d+)/): string | null {
  if (Bun.which(argv[0]!) === null) return null;
  const { stdout, stderr } = Bun.spawnSync([...argv]);
  return pattern.exec(`${stdout}${stderr}`)?.[1] ?? "unknown version";
}

/** The version of a Python package that also put a program of this name on the path. */
export function versionOfPythonProgram(name: string): string | null {
  if (Bun.which(name) === null) return null;
  return versionFrom(["python3", "-c", `import importlib.metadata as m; print(m.version("${name}"))`]);
}
