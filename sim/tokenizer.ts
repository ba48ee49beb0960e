// Text to token ids and back, as the tiny model of the golden transcripts does: one token a UTF-8 byte, six special
// tokens above them, and a chat template of `<|role|>content<|end|>` with `<|assistant|>` at the end.

const SPECIAL = ["<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|pad|>"];
const SPECIAL_PATTERN = /(<\|(?:begin|end|system|user|assistant|pad)\|>)/;

export const END_TOKEN = 257;
export const VOCABULARY_SIZE = 262;

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

export function encode(text: string): number[] {
  const ids: number[] = [];
  for (const piece of text.split(SPECIAL_PATTERN)) {
    const special = SPECIAL.indexOf(piece);
    if (special >= 0) ids.push(256 + special);
    else for (const byte of new TextEncoder().encode(piece)) ids.push(byte);
  }
  return ids;
}

/** Special tokens are skipped, as `skip_special_tokens` (the default) asks. */
export function decode(ids: readonly number[]): string {
  return new TextDecoder().decode(Uint8Array.from(ids.filter((id) => id < 256)));
}

/** The text of one token on its own; special tokens have none. */
export function tokenText(id: number): string {
  return id < 256 ? String.fromCharCode(id) : "";
}

export function renderChat(messages: readonly ChatMessage[], addGenerationPrompt: boolean): string {
  const turns = messages.map(({ role, content }) => `<|${role}|>${content}<|end|>`).join("");
  return addGenerationPrompt ? `${turns}<|assistant|>` : turns;
}
