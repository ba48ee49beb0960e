// Python writes the float 0 as `0.0`, JavaScript as `0`. Where the transcripts show floats, they travel as marked text.

const MARK = "\u0001float:";

/** A stand-in that `floatsShown` turns into a JSON number. */
export function pythonFloat(value: number): string {
  return MARK + (Number.isInteger(value) ? value.toFixed(1) : String(value));
}

export function floatsShown(json: string): string {
  return json.replaceAll(/"\\u0001float:([^"]*)"/g, "$1");
}
