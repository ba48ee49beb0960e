// Which flags do an engine's arguments set? vLLM's grammar: `_` is `-`, `--flag=value`, `--no-flag`, dotted keys.

export type KnownFlags = Readonly<Record<string, "value" | "switch">>;

const longNames: Readonly<Record<string, string>> = {
  "-tp": "--tensor-parallel-size",
  "-pp": "--pipeline-parallel-size",
  "-dp": "--data-parallel-size",
  "-ep": "--enable-expert-parallel",
  "-q": "--quantization",
  "-sc": "--speculative-config",
  "-cc": "--compilation-config",
};

export interface FlagWords {
  /** Long name with dashes, `--block-size`; a dotted key keeps its dots. */
  readonly name: string;
  readonly value: string;
  /** The words it was written in. */
  readonly words: readonly string[];
}

/** Splits arguments into flags with their values; words that belong to no flag are left out. */
export function readFlags(args: readonly string[], known: KnownFlags): readonly FlagWords[] {
  const flags: FlagWords[] = [];
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    if (!isFlag(word)) continue;
    const [name, attached] = nameOf(word);
    const values: string[] = [];
    const takesNone = attached !== null || known[name] === "switch" || name.startsWith("--no-");
    while (!takesNone && at + 1 < args.length && !isFlag(args[at + 1] ?? "")) values.push(args[++at] ?? "");
    const words = [word, ...values];
    const off = name.startsWith("--no-") && known[name] === undefined;
    flags.push(
      off
        ? { name: `--${name.slice(5)}`, value: "false", words }
        : { name, value: attached ?? (values.length > 0 ? values.join(" ") : "true"), words },
    );
  }
  return flags;
}

/** Long name → value; of a repeated flag the last one counts, as in vLLM. */
export function flagValues(args: readonly string[], known: KnownFlags): Readonly<Record<string, string>> {
  return Object.fromEntries(readFlags(args, known).map(({ name, value }) => [name, value]));
}

/** A negative number is a value. */
function isFlag(word: string): boolean {
  return /^-{1,2}[A-Za-z]/.test(word);
}

function nameOf(word: string): [name: string, attached: string | null] {
  const equals = word.indexOf("=");
  const written = equals < 0 ? word : word.slice(0, equals);
  const [head = "", ...keys] = written.split(".");
  const name = [head.replaceAll("_", "-"), ...keys].join(".");
  return [longNames[name] ?? name, equals < 0 ? null : word.slice(equals + 1)];
}
