// Secrets leave no trace where others look: process lists, plans on a screen, files to be shared.

/** What stands in place of a secret. */
export const masked = "***";

/** By convention of every tool around: HF_TOKEN, VLLM_API_KEY, AWS_SECRET_ACCESS_KEY. */
export function isSecretName(name: string): boolean {
  return /(KEY|TOKEN|SECRET|PASSWORD)$/.test(name);
}

export function maskEnv(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, isSecretName(name) ? masked : value]));
}

/** `--hf-token X` and the like, as two words or with `=`. */
export function maskArgv(argv: readonly string[]): readonly string[] {
  return argv.map((word, at) => {
    if (isSecretFlag(argv[at - 1] ?? "")) return masked;
    const equals = word.indexOf("=");
    return equals > 0 && isSecretFlag(word.slice(0, equals)) ? `${word.slice(0, equals)}=${masked}` : word;
  });
}

function isSecretFlag(word: string): boolean {
  return /^--[\w-]*(api-key|token|secret|password)$/.test(word.replaceAll("_", "-"));
}

/** Flags whose value the engine also takes from its environment, where no process list shows it. */
const variableOf: Readonly<Record<string, string>> = { "--hf-token": "HF_TOKEN" };

export interface Withdrawn {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Takes secrets out of engine arguments and puts them into the environment. */
export function withdrawSecrets(args: readonly string[]): Withdrawn {
  const kept: string[] = [];
  const env: Record<string, string> = {};
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    const [flag = "", attached] = word.split(/=(.*)/s);
    const variable = variableOf[flag.replaceAll("_", "-")];
    if (variable === undefined) kept.push(word);
    else env[variable] = attached ?? args[++at] ?? "";
  }
  return { args: kept, env };
}
