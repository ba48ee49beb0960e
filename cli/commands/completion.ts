// `pdserve completion bash|zsh|fish`: a script for the shell, made from the tables of verbs and settings.

import { connectors } from "../../kv/index.ts";
import { type Setting, settings } from "../../plan/settings.ts";
import { engines } from "../../supervisor/engines/index.ts";
import { exitCodes } from "../exit_codes.ts";
import { oppositeOf } from "../own_flags.ts";
import { type Verb, verbs } from "../verbs.ts";
import type { VerbInput } from "./command.ts";

interface Completable {
  readonly flag: string;
  readonly help: string;
  /** Null for a switch; empty where any value goes. */
  readonly values: readonly string[] | null;
}

const shells = { bash: bashScript, zsh: zshScript, fish: fishScript };

export function completionCommand({ line, context }: VerbInput): Promise<number> {
  const [shell = ""] = line.operands;
  if (!Object.hasOwn(shells, shell)) {
    const fix = "fix:   pdserve completion bash, or zsh, or fish";
    context.stderr.write(`pdserve: ${shell === "" ? "Name a shell" : `Unknown shell "${shell}"`}\n  ${fix}\n`);
    return Promise.resolve(exitCodes.badUsage);
  }
  context.stdout.write(shells[shell as keyof typeof shells](completables()));
  return Promise.resolve(exitCodes.ok);
}

function completables(): Completable[] {
  const own = (Object.values(settings) as Setting[]).flatMap((setting): Completable[] => {
    const names = [setting.flag, ...setting.aliases ?? []].filter((name) => name.startsWith("--"));
    const values = setting.kind === "switch" ? null : valuesOf(setting);
    const denied = setting.kind === "switch"
      ? [{ flag: oppositeOf(setting.flag), help: `Not: ${setting.help}`, values }]
      : [];
    return [...names.map((flag) => ({ flag, help: setting.help, values })), ...denied];
  });
  const engine = Object.entries(engines.vllm.commonFlags).filter(([flag]) => flag.startsWith("--"))
    .map(([flag, takes]): Completable => ({ flag, help: "passed on to vLLM", values: takes === "value" ? [] : null }));
  return [...own, ...engine, ...ofVerbs(own), { flag: "--help", help: "All flags", values: null }];
}

/** Flags of the verbs that speak to a running pdserve, but for those that are settings as well. */
function ofVerbs(own: readonly Completable[]): Completable[] {
  const flags = Object.assign(
    {},
    ...Object.values(verbs as Readonly<Record<string, Verb>>).map((verb) => verb.flags ?? {}),
  );
  return Object.entries(flags as NonNullable<Verb["flags"]>).map(([name, { value, help }]): Completable => {
    return { flag: `--${name}`, help, values: value === undefined ? null : [] };
  }).filter(({ flag }) => own.every((one) => one.flag !== flag));
}

/** Verbs whose words are workers, and where a shell finds the names of the newest run's. */
const workerVerbs = ["restart", "drain", "undrain", "logs"];
const workerNames =
  "ls ${XDG_STATE_HOME:-$HOME/.local/state}/pdserve/runs/latest/logs 2>/dev/null | sed -n 's/\\.log$//p'";

function valuesOf({ flag, choices = [] }: Setting): readonly string[] {
  return flag === settings.kvConnector.flag ? ["auto", ...Object.keys(connectors)] : choices;
}

function bashScript(flags: readonly Completable[]): string {
  const cases = flags.filter(({ values }) => values !== null && values.length > 0)
    .map(({ flag, values }) => `    ${flag}) COMPREPLY=($(compgen -W "${values?.join(" ")}" -- "$word")); return ;;`);
  const valued = flags.filter(({ values }) => values?.length === 0).map(({ flag }) => flag).join("|");
  return `_pdserve() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  case $before in
${cases.join("\n")}
    ${
    workerVerbs.join("|")
  }) [[ $word == -* ]] || { COMPREPLY=($(compgen -W "$(${workerNames})" -- "$word")); return; } ;;
    completion) COMPREPLY=($(compgen -W "${Object.keys(shells).join(" ")}" -- "$word")); return ;;
    ${valued}) COMPREPLY=($(compgen -f -- "$word")); return ;;
  esac
  case $word in
    -*) COMPREPLY=($(compgen -W "${flags.map(({ flag }) => flag).join(" ")}" -- "$word")) ;;
    *) COMPREPLY=($(compgen -W "${Object.keys(verbs).join(" ")}" -- "$word") $(compgen -d -- "$word")) ;;
  esac
}
complete -F _pdserve pdserve
`;
}

function zshScript(flags: readonly Completable[]): string {
  const quote = (text: string) => text.replaceAll("'", "'\\''").replaceAll(/[[\]:]/g, "\\$&");
  const specs = flags.map(({ flag, help, values }) => {
    const value = values === null ? "" : values.length > 0 ? `:value:(${values.join(" ")})` : ":value:_files";
    return `    '*${flag}[${quote(help)}]${value}'`;
  });
  const named = Object.entries(verbs).map(([name, { summary }]) => `'${name}:${quote(summary)}'`).join(" ");
  return `#compdef pdserve
_pdserve() {
  local -a verbs
  verbs=(${named})
  _arguments \\
${specs.join(" \\\n")} \\
    '1: :{_describe verb verbs; _files -/}' \\
    '*: :_pdserve_words'
}
_pdserve_words() {
  case $words[2] in
    ${workerVerbs.join("|")}) compadd $(${workerNames}) ;;
    *) _files ;;
  esac
}
if [ "\${funcstack[1]}" = _pdserve ]; then _pdserve "$@"; else compdef _pdserve pdserve; fi
`;
}

function fishScript(flags: readonly Completable[]): string {
  const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const verbLines = Object.entries(verbs).map(([name, { summary }]) =>
    `complete -c pdserve -n __fish_use_subcommand -a ${name} -d ${quote(summary)}`
  );
  const flagLines = flags.map(({ flag, help, values }) => {
    const value = values === null ? "" : values.length > 0 ? ` -xa ${quote(values.join(" "))}` : " -r";
    return `complete -c pdserve -l ${flag.slice(2)}${value} -d ${quote(help)}`;
  });
  const shellLine = `complete -c pdserve -n '__fish_seen_subcommand_from completion' -xa ${
    quote(Object.keys(shells).join(" "))
  }`;
  const workerLine = `complete -c pdserve -n '__fish_seen_subcommand_from ${workerVerbs.join(" ")}' -xa ${
    quote('(sh -c "' + workerNames.replaceAll("$", "\\$") + '")')
  }`;
  return [...verbLines, shellLine, workerLine, ...flagLines].join("\n") + "\n";
}
