import { expect, test } from "bun:test";
import { quoteShellWord, splitShellWords } from "../../plan/shell_words.ts";

test.each([
  ["uv run vllm", ["uv", "run", "vllm"]],
  ["  a\t b\n", ["a", "b"]],
  [`--x '{"a": 1}' "b c"`, ["--x", '{"a": 1}', "b c"]],
  [`a\\ b 'it'\\''s' ""`, ["a b", "it's", ""]],
  [`"\\$HOME \\n"`, ["$HOME \\n"]],
])("splitShellWords() reads %j as sh does", (line, words) => {
  expect(splitShellWords(line)).toEqual(words);
});

test("splitShellWords() refuses an open quote", () => {
  expect(splitShellWords(`a "b`)).toBeNull();
  expect(splitShellWords("it's")).toBeNull();
});

test.each(["plain", "", "a b", "it's", `{"a":"b"}`, "$HOME `id`", "a\nb", "#x", "~", "ü", "*"])(
  "quoteShellWord(%j) is read back as it was, by us and by sh",
  (word) => {
    const quoted = quoteShellWord(word);
    expect(splitShellWords(quoted)).toEqual([word]);
    const shell = Bun.spawnSync(["sh", "-c", `printf %s ${quoted}`]);
    expect(shell.stdout.toString()).toBe(word);
  },
);
