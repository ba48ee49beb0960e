// What a request may claim while it waits: its session's turn, and its own urgency.

import { Buffer } from "node:buffer";
import { lastMember } from "./body/scan_body.ts";
import type { Claim } from "./fair_queue.ts";
import type { Ask } from "./read_ask.ts";
import { sessionKeyOf } from "./session_key.ts";

/** Only asked for once a request has to wait. */
export function claimOf(ask: Ask): Claim {
  return { flow: sessionKeyOf(ask) ?? "", priority: priorityOf(ask) };
}

/** vLLM's `priority` member: an integer, 0 where there is none; anything else is the engine's to refuse. */
function priorityOf({ body }: Ask): number {
  const member = body.is === "object" ? lastMember(body, "priority") : null;
  if (member === null || member.valueEnd - member.valueStart > MAX_DIGITS) return 0;
  const { buffer, byteOffset } = body.bytes;
  const length = member.valueEnd - member.valueStart;
  const priority = Number(Buffer.from(buffer, byteOffset + member.valueStart, length).toString("latin1"));
  return Number.isInteger(priority) ? priority : 0;
}

const MAX_DIGITS = 12;
