// Is this text a value of that setting, and which one?

import { readDuration } from "./read_duration.ts";
import type { Setting } from "./settings.ts";

export type SettingValue = string | number | boolean | readonly string[] | Readonly<Record<string, unknown>>;

export type ReadValue =
  | { readonly is: "value"; readonly value: SettingValue }
  /** `example` is a right value to put in its place. */
  | { readonly is: "bad"; readonly why: string; readonly example: string };

/** `text` as the user wrote it. Durations come out in milliseconds, sizes in bytes. */
export function readValue(setting: Setting, text: string): ReadValue {
  switch (setting.kind) {
    case "text":
      return text === "" ? bad("it must not be empty", setting.hint ?? "VALUE") : value(text);
    case "url":
      return readUrl(text, setting.hint ?? "URL");
    case "list":
      return value(text.split(/[\s,]+/).filter((item) => item !== ""));
    case "choice":
      return readChoice(setting.choices ?? [], text);
    case "count":
      return readNumber(
        text,
        setting.least ?? 1,
        Number.MAX_SAFE_INTEGER,
        `it must be a whole number from ${setting.least ?? 1}`,
        setting.default ?? "1",
      );
    case "port":
      return readNumber(text, 0, 65535, "a port is a whole number up to 65535; 0 takes any free one", "8000");
    case "duration":
      return durationOf(text, setting.default ?? "30s");
    case "bytes":
      return readBytes(text, setting.default ?? "128m");
    case "switch":
      return readSwitch(text);
    case "json":
      return readJsonObject(text);
  }
}

function value(read: SettingValue): ReadValue {
  return { is: "value", value: read };
}

function bad(why: string, example: string): ReadValue {
  return { is: "bad", why, example };
}

function readUrl(text: string, example: string): ReadValue {
  const protocol = URL.parse(text)?.protocol;
  return protocol === "http:" || protocol === "https:" ? value(text) : bad("it must be an http or https URL", example);
}

function readChoice(choices: readonly string[], text: string): ReadValue {
  const meant = choices.find((choice) => choice === text.toLowerCase().replaceAll("_", "-")) ??
    choices.find((choice) => choice === text.toLowerCase().replaceAll("-", "_"));
  return meant === undefined ? bad(`it must be one of ${choices.join(", ")}`, choices[0] ?? "") : value(meant);
}

function readNumber(text: string, least: number, most: number, why: string, example: string): ReadValue {
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  return number >= least && number <= most ? value(number) : bad(why, example);
}

function durationOf(text: string, example: string): ReadValue {
  const milliseconds = readDuration(text);
  if (milliseconds !== null) return value(milliseconds);
  return bad("a time is a number with ms, s, m or h, such as 500ms or 1m30s; a bare number is seconds", example);
}

function readBytes(text: string, example: string): ReadValue {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text);
  if (match === null) return bad("a size is a number with k, m, g or t (powers of 1024), such as 128m", example);
  const power = "kmgt".indexOf((match[2] || " ").toLowerCase()) + 1;
  return value(Math.round(Number(match[1]) * 1024 ** power));
}

function readSwitch(text: string): ReadValue {
  switch (text.toLowerCase()) {
    case "true":
    case "yes":
    case "on":
    case "1":
      return value(true);
    case "false":
    case "no":
    case "off":
    case "0":
      return value(false);
    default:
      return bad("it must be true or false", "true");
  }
}

function readJsonObject(text: string): ReadValue {
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read === "object" && read !== null && !Array.isArray(read)) {
      return value(read as Readonly<Record<string, unknown>>);
    }
  } catch {
    // Not JSON at all: the same answer as for JSON that is not an object.
  }
  return bad("it must be a JSON object", `'{"key": "value"}'`);
}
