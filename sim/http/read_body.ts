// A request body as FastAPI and pydantic take it: JSON of the right type, an object, members of the right types.

import { isObject, type Json, type JsonObject } from "../json.ts";
import { pythonJsonError } from "./python_json_error.ts";
import { errorReply, type Reply } from "./reply.ts";

export type FieldType = "int" | "float" | "bool" | "str" | "dict" | "list" | "any";

export interface Field {
  readonly type: FieldType;
  readonly required?: true;
}

export type BodyRead = { readonly kind: "body"; readonly body: JsonObject } | {
  readonly kind: "refused";
  readonly reply: Reply;
};

export function readBody(text: string, contentType: string | null, fields: Readonly<Record<string, Field>>): BodyRead {
  const media = (contentType ?? "").split(";")[0]?.trim().toLowerCase();
  if (media !== "application/json") {
    return refuse(["Unsupported Media Type: Only 'application/json' is allowed"], null);
  }
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    const { at, why } = pythonJsonError(text) ?? { at: 0, why: "Expecting value" };
    return refuse([
      `{'type': 'json_invalid', 'loc': 'body.${at}', 'msg': 'JSON decode error', 'input': '<dict of 0 items>', ` +
      `'ctx': {'error': ${pythonText(why)}}}`,
    ], `body.${at}`);
  }
  if (!isObject(value)) {
    return refuse([
      "{'type': 'model_attributes_type', 'loc': 'body', 'msg': 'Input should be a valid dictionary or object to " +
      `extract fields from', 'input': ${shown(value)}}`,
    ], "body");
  }
  const wrong = Object.entries(fields).flatMap(([name, field]) => fieldProblem(value, name, field));
  return wrong.length === 0 ? { kind: "body", body: value } : refuse(wrong.map(({ text }) => text), wrong[0]!.loc);
}

function refuse(problems: readonly string[], param: string | null): BodyRead {
  const count = `${problems.length} validation error${problems.length === 1 ? "" : "s"}`;
  const message = `${count}:\n${problems.map((problem) => `  ${problem}`).join("\n")}`;
  return { kind: "refused", reply: errorReply(400, message, "Bad Request", param) };
}

function fieldProblem(body: JsonObject, name: string, field: Field): readonly { text: string; loc: string }[] {
  const loc = `body.${name}`;
  const value = body[name];
  const problem = value === undefined
    ? (field.required ? ["missing", "Field required"] : null)
    : value === null && !field.required
    ? null
    : typeProblem(value, field.type);
  if (!problem) return [];
  const input = value === undefined ? shown(body) : shown(value);
  return [{ loc, text: `{'type': '${problem[0]}', 'loc': '${loc}', 'msg': '${problem[1]}', 'input': ${input}}` }];
}

/** pydantic's type and message; null when the value fits or can be made to. */
function typeProblem(value: Json, type: FieldType): readonly [string, string] | null {
  switch (type) {
    case "int":
      if (typeof value === "string") {
        return /^\s*[+-]?\d+\s*$/.test(value)
          ? null
          : ["int_parsing", "Input should be a valid integer, unable to parse string as an integer"];
      }
      if (typeof value === "number" && !Number.isInteger(value)) {
        return ["int_from_float", "Input should be a valid integer, got a number with a fractional part"];
      }
      return typeof value === "number" || typeof value === "boolean"
        ? null
        : ["int_type", "Input should be a valid integer"];
    case "float":
      if (typeof value === "string") {
        return value.trim() !== "" && Number.isFinite(Number(value))
          ? null
          : ["float_parsing", "Input should be a valid number, unable to parse string as a number"];
      }
      return typeof value === "number" || typeof value === "boolean"
        ? null
        : ["float_type", "Input should be a valid number"];
    case "bool":
      if (typeof value === "boolean" || value === 0 || value === 1) return null;
      return typeof value === "string" || typeof value === "number"
        ? ["bool_parsing", "Input should be a valid boolean, unable to interpret input"]
        : ["bool_type", "Input should be a valid boolean"];
    case "str":
      return typeof value === "string" ? null : ["string_type", "Input should be a valid string"];
    case "dict":
      return isObject(value) ? null : ["dict_type", "Input should be a valid dictionary"];
    case "list":
      return Array.isArray(value) ? null : ["list_type", "Input should be a valid list"];
    case "any":
      return null;
  }
}

/** How vLLM's error text shows an input: containers only by size. */
function shown(value: Json): string {
  if (Array.isArray(value)) return `'<list of ${value.length} items>'`;
  if (isObject(value)) return `'<dict of ${Object.keys(value).length} items>'`;
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  return typeof value === "string" ? pythonText(value) : String(value);
}

function pythonText(text: string): string {
  return text.includes("'") && !text.includes('"') ? `"${text}"` : `'${text.replaceAll("'", "\\'")}'`;
}
