// A tutorial's script as its commands: variables filled in, long lines joined, each with its line and its own environment.

import { splitShellWords } from "../../shell_words.ts";

export interface ShellCommand {
  /** 1-based. */
  readonly line: number;
  readonly words: readonly string[];
  /** `NAME=value` in front of the command, and what was exported before it. */
  readonly env: Readonly<Record<string, string>>;
}

export type ShellScript =
  | { readonly is: "commands"; readonly commands: readonly ShellCommand[] }
  | { readonly is: "wrong"; readonly line: number; readonly what: string; readonly why: string; readonly fix: string };

export function readShellScript(text: string): ShellScript {
  const variables: Record<string, string> = {};
  const exported = new Set<string>();
  const commands: ShellCommand[] = [];
  for (const { line, text: written } of wholeLines(text)) {
    const keyword = /^(for|while|until|if|case|function)\b|^[\w-]+\s*\(\)/.exec(written)?.[0];
    if (keyword !== undefined) {
      return wrong(
        line,
        `Cannot follow "${keyword}"`,
        "only plain commands are read",
        "write the vllm serve lines out",
      );
    }
    const split = splitShellWords(expand(written, variables));
    if (split === null) {
      return wrong(line, "A quote is opened and not closed", "the command has no end", "close the quote");
    }
    const words = split.at(-1) === "&" ? split.slice(0, -1) : split;
    const start = words[0] === "export" ? 1 : 0;
    const own: Record<string, string> = {};
    let at = start;
    for (; /^[A-Za-z_]\w*=/.test(words[at] ?? ""); at++) {
      const [name = ""] = (words[at] ?? "").split("=", 1);
      own[name] = (words[at] ?? "").slice(name.length + 1);
    }
    if (at === words.length || start === 1) {
      Object.assign(variables, own);
      if (start === 1) { for (const word of words.slice(1)) exported.add(word.split("=", 1)[0] ?? word); }
      continue;
    }
    const inherited = Object.entries(variables).filter(([name]) => exported.has(name));
    commands.push({ line, words: words.slice(at), env: { ...Object.fromEntries(inherited), ...own } });
  }
  return { is: "commands", commands };
}

/** Lines with what `\` or an open quote carries on, without comments and a trailing `&`. */
function wholeLines(text: string): readonly { readonly line: number; readonly text: string }[] {
  const whole: { line: number; text: string }[] = [];
  let open: { line: number; text: string } | null = null;
  for (const [at, raw] of text.split(/\r?\n/).entries()) {
    const part: { line: number; text: string } = open === null
      ? { line: at + 1, text: raw.trim() }
      : { line: open.line, text: `${open.text} ${raw.trim()}` };
    if (open === null && (part.text === "" || part.text.startsWith("#"))) continue;
    const continued = part.text.endsWith("\\");
    open = continued ? { ...part, text: part.text.slice(0, -1).trimEnd() } : part;
    if (continued || splitShellWords(part.text) === null) continue;
    whole.push({ ...part, text: part.text.replace(/\s+#\s.*$/, "").replace(/\s*(\d?>+\s*\S+\s*|2>&1\s*)*&?\s*$/, "") });
    open = null;
  }
  return open === null ? whole : [...whole, open];
}

/** `$NAME`, `${NAME}` and `${NAME:-default}` outside single quotes; others stay as they are. */
function expand(text: string, variables: Readonly<Record<string, string>>): string {
  return text.split(/('[^']*')/).map((part, at) =>
    at % 2 === 1 ? part : part.replace(
      /\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})/g,
      (written, plain: string | undefined, braced: string | undefined, usual: string | undefined) =>
        variables[plain ?? braced ?? ""] ?? usual ?? written,
    )
  ).join("");
}

function wrong(line: number, what: string, why: string, fix: string): ShellScript {
  return { is: "wrong", line, what, why, fix };
}
