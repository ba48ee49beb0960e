// One top-level member of a worker's JSON answer, as the text it arrived in.

import type { RawJson } from "../../kv/json.ts";
import { type BodyRefusal, lastMember, scanBody } from "./scan_body.ts";
import { sliceUtf8 } from "./slice_text.ts";

export type FoundMember = { readonly is: "found"; readonly raw: RawJson } | { readonly is: "absent" } | BodyRefusal;

/** Looks up `name`; a member that is `null` counts as absent, as engines write it for "no value". */
export function findMember(answer: Uint8Array, name: string): FoundMember {
  const body = scanBody(answer);
  if (body.is === "refused") return body;
  const member = lastMember(body, name);
  if (member === null) return { is: "absent" };
  const rawJson = sliceUtf8(answer, member.valueStart, member.valueEnd);
  return rawJson === "null" ? { is: "absent" } : { is: "found", raw: { rawJson } };
}
