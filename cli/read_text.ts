// A text file as a value: its text, or why there is none.

import { readFile } from "node:fs/promises";

export type TextFile =
  | { readonly is: "text"; readonly text: string }
  | { readonly is: "missing" | "unreadable"; readonly why: string };

export type ReadText = (path: string) => Promise<TextFile>;

export async function readText(path: string): Promise<TextFile> {
  try {
    return { is: "text", text: await readFile(path, "utf8") };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    if (code === "ENOENT" || code === "ENOTDIR") return { is: "missing", why: "there is no such file" };
    return { is: "unreadable", why: whys[code] ?? code };
  }
}

const whys: Readonly<Record<string, string>> = {
  EACCES: "its permissions do not let you",
  EISDIR: "it is a folder",
};
