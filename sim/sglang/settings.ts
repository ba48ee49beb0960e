// The command line of a simulated SGLang worker.

export type Mode = "null" | "prefill" | "decode";

export interface SglangSettings {
  readonly modelPath: string;
  readonly servedModelName: string;
  readonly host: string;
  readonly port: number;
  readonly mode: Mode;
  readonly backend: string;
  readonly bootstrapPort: number;
  readonly contextLength: number;
  /** It encodes media for others and generates nothing. */
  readonly encoderOnly: boolean;
  /** It has no tower for media: encoders at these addresses have. */
  readonly languageOnly: boolean;
  readonly encoderUrls: readonly string[];
  readonly encoderBootstrapPort: number;
  /** How long prefill waits for decode, and decode for KV. */
  readonly bootstrapTimeoutMs: number;
  readonly waitingTimeoutMs: number;
  readonly startupMs: number;
  readonly decodeMsPerToken: number;
  /** All arguments, for the line that tells them. */
  readonly argv: readonly string[];
}

type Values = ReadonlyMap<string, string>;

const shorthands: Readonly<Record<string, string>> = { "--model": "--model-path", "--tp": "--tp-size" };

export function readSglangSettings(argv: readonly string[], env: Readonly<Record<string, string | undefined>>) {
  const values = valuesOf(argv);
  const number = (flag: string, otherwise: number) => Number(values.get(flag) ?? otherwise);
  const seconds = (name: string) => 1000 * Number(env[`SGLANG_DISAGGREGATION_${name}_TIMEOUT`] ?? 300);
  const modelPath = values.get("--model-path") ?? "";
  const mode = values.get("--disaggregation-mode") ?? "null";
  const problem = argv.includes("--encoder-only") && (mode !== "null" || argv.includes("--language-only"))
    ? "Cannot set --encoder-only and --disaggregation-mode prefill/decode or --language-only together"
    : modelPath === ""
    ? "the following arguments are required: --model-path"
    : ["null", "prefill", "decode"].includes(mode)
    ? null
    : `argument --disaggregation-mode: invalid choice: '${mode}' (choose from 'null', 'prefill', 'decode')`;
  if (problem !== null) return { stderr: `launch_server.py: error: ${problem}\n`, exitCode: 2 };
  const settings: SglangSettings = {
    modelPath,
    servedModelName: values.get("--served-model-name") ?? modelPath,
    host: values.get("--host") ?? "127.0.0.1",
    port: number("--port", 30_000),
    mode: mode as Mode,
    backend: values.get("--disaggregation-transfer-backend") ?? "mooncake",
    bootstrapPort: number("--disaggregation-bootstrap-port", 8998),
    contextLength: number("--context-length", 2048),
    encoderOnly: argv.includes("--encoder-only"),
    languageOnly: argv.includes("--language-only"),
    encoderUrls: listOf("--encoder-urls", argv),
    encoderBootstrapPort: number("--encoder-bootstrap-port", 8997),
    bootstrapTimeoutMs: seconds("BOOTSTRAP"),
    waitingTimeoutMs: seconds("WAITING"),
    startupMs: number("--sim-startup-ms", 300),
    decodeMsPerToken: number("--sim-decode-ms-per-token", 2),
    argv,
  };
  return settings;
}

/** Words up to the next flag. */
function listOf(flag: string, argv: readonly string[]): readonly string[] {
  const from = argv.indexOf(flag) + 1;
  if (from === 0) return [];
  const length = argv.slice(from).findIndex((word) => word.startsWith("--"));
  return length < 0 ? argv.slice(from) : argv.slice(from, from + length);
}

/** As argparse reads them; of a repeated flag the last counts. */
function valuesOf(argv: readonly string[]): Values {
  const values = new Map<string, string>();
  argv.forEach((word, at) => {
    if (!word.startsWith("--")) return;
    const [flag = "", inline] = word.split("=", 2);
    values.set(shorthands[flag] ?? flag, inline ?? argv[at + 1] ?? "");
  });
  return values;
}
