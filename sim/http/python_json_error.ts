// Where and why Python's json module gives up on a text: FastAPI puts both into its answer.

export interface JsonComplaint {
  /** Character offset. */
  readonly at: number;
  readonly why: string;
}

/** Null for valid JSON. Walks the text the way Python's decoder does, one value at a time. */
export function pythonJsonError(text: string): JsonComplaint | null {
  const end = skipValue(text, skipSpace(text, 0));
  if (typeof end !== "number") return end;
  const rest = skipSpace(text, end);
  return rest < text.length ? { at: rest, why: "Extra data" } : null;
}

type Walk = number | JsonComplaint;

function skipSpace(text: string, at: number): number {
  while (" \t\n\r".includes(text[at] ?? "x")) at++;
  return at;
}

function skipValue(text: string, at: number): Walk {
  const first = text[at];
  if (first === '"') return skipString(text, at);
  if (first === "{") return skipObject(text, at + 1);
  if (first === "[") return skipArray(text, at + 1);
  const literal = /^(?:null|true|false|NaN|-?Infinity|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/.exec(
    text.slice(at),
  );
  return literal ? at + literal[0].length : { at, why: "Expecting value" };
}

function skipString(text: string, from: number): Walk {
  for (let at = from + 1; at < text.length; at++) {
    const letter = text[at]!;
    if (letter === '"') return at + 1;
    if (letter < " ") return { at, why: "Invalid control character at" };
    if (letter !== "\\") continue;
    at += 1;
    if (text[at] === "u" && !/^[0-9a-fA-F]{4}/.test(text.slice(at + 1))) {
      return { at: at + 1, why: "Invalid \\uXXXX escape" };
    }
    if (at < text.length && !'"\\/bfnrtu'.includes(text[at]!)) return { at: at - 1, why: "Invalid \\escape" };
  }
  return { at: from, why: "Unterminated string starting at" };
}

function skipObject(text: string, from: number): Walk {
  let at = skipSpace(text, from);
  if (text[at] === "}") return at + 1;
  while (true) {
    if (text[at] !== '"') return { at, why: "Expecting property name enclosed in double quotes" };
    const name = skipString(text, at);
    if (typeof name !== "number") return name;
    at = skipSpace(text, name);
    if (text[at] !== ":") return { at, why: "Expecting ':' delimiter" };
    const value = skipValue(text, skipSpace(text, at + 1));
    if (typeof value !== "number") return value;
    at = skipSpace(text, value);
    if (text[at] === "}") return at + 1;
    if (text[at] !== ",") return { at, why: "Expecting ',' delimiter" };
    at = skipSpace(text, at + 1);
  }
}

function skipArray(text: string, from: number): Walk {
  let at = skipSpace(text, from);
  if (text[at] === "]") return at + 1;
  while (true) {
    const value = skipValue(text, at);
    if (typeof value !== "number") return value;
    at = skipSpace(text, value);
    if (text[at] === "]") return at + 1;
    if (text[at] !== ",") return { at, why: "Expecting ',' delimiter" };
    at = skipSpace(text, at + 1);
  }
}
