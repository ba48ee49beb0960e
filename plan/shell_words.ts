// Shell words: how a POSIX shell reads a line of plain words, and how to quote a word so that it reads it back.

/** Quotes and backslashes as in sh; no variables, globs or operators. Null when a quote is left open. */
export function splitShellWords(line: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at);
    if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (character === "'" || character === '"') {
      const quoted = readQuoted(line, at);
      if (quoted === null) return null;
      word = (word ?? "") + quoted.text;
      at = quoted.end;
    } else if (character === "\\") {
      word = (word ?? "") + line.charAt(++at);
    } else {
      word = (word ?? "") + character;
    }
  }
  if (word !== null) words.push(word);
  return words;
}

function readQuoted(line: string, start: number): { text: string; end: number } | null {
  const quote = line.charAt(start);
  let text = "";
  for (let at = start + 1; at < line.length; at++) {
    const character = line.charAt(at);
    if (character === quote) return { text, end: at };
    // Inside double quotes sh lets a backslash escape only these four.
    const escapes = quote === '"' && character === "\\" && '"\\$`'.includes(line.charAt(at + 1));
    text += escapes ? line.charAt(++at) : character;
  }
  return null;
}

export function quoteShellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
