// Images and sounds of a chat: as text for the simulated model, and encoded by an encoder worker for one that has no tower.

import { createHash } from "node:crypto";
import type { SglangSettings } from "./settings.ts";

type Content = string | readonly ContentPart[];
type ContentPart = Readonly<Record<string, unknown>>;

const mediaTypes = ["image_url", "audio_url", "video_url", "input_audio"];

/** A medium is a mark that differs with its content, so that another one gives another answer. */
export function textOf(content: Content): string {
  if (typeof content === "string") return content;
  return content.map((part) => isMedium(part) ? `<${hashOf(part)}>` : String(part.text ?? "")).join("");
}

export function mediaOf(messages: readonly { readonly content: Content }[]): readonly ContentPart[] {
  return messages.flatMap(({ content }) => typeof content === "string" ? [] : content.filter(isMedium));
}

/** Null when all are encoded, else what went wrong. */
export async function encodeElsewhere(
  media: readonly ContentPart[],
  { encoderUrls }: SglangSettings,
  reqId: string,
): Promise<string | null> {
  if (encoderUrls.length === 0) return "No encoder is registered with this language-only server";
  const asked = media.map(async (part, partIdx) => {
    const url = encoderUrls[partIdx % encoderUrls.length]!;
    const body = { mm_items: [part], modality: "IMAGE", req_id: reqId, num_parts: media.length, part_idx: partIdx };
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const answer = await fetch(`${url}/encode`, init).catch(() => null);
    return answer?.ok === true ? null : `Failed to get embeddings from encoder ${url}`;
  });
  return (await Promise.all(asked)).find((why) => why !== null) ?? null;
}

function isMedium({ type }: ContentPart): boolean {
  return mediaTypes.includes(String(type));
}

function hashOf(part: ContentPart): string {
  return createHash("sha256").update(JSON.stringify(part)).digest("hex").slice(0, 16);
}
