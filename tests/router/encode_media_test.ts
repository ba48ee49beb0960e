import { describe, expect, test } from "bun:test";
import { scanBody } from "../../router/body/scan_body.ts";
import { encodersFor, mediaIn } from "../../router/encode_media.ts";
import type { Slot } from "../../router/roster.ts";

describe("mediaIn()", () => {
  const image = (url: string) => ({ type: "image_url", image_url: { url } });
  const sound = { type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } };
  const found = (messages: unknown) => {
    const body = scanBody(new TextEncoder().encode(JSON.stringify({ model: "m", messages })));
    if (body.is === "refused") throw new Error(body.message);
    return mediaIn(body);
  };

  test("finds images and sounds in all messages, as they are written", () => {
    const messages = [
      { role: "system", content: "text" },
      { role: "user", content: [{ type: "text", text: "look" }, image("https://x/a.png")] },
      { role: "user", content: [sound] },
    ];
    expect(found(messages).map(({ part }) => part)).toEqual([image("https://x/a.png"), sound]);
  });

  test("takes the same medium once, whatever stands beside it", () => {
    const twice = [{ ...image("https://x/a.png"), detail: "low" }, image("https://x/a.png")];
    expect(found([{ role: "user", content: twice }])).toHaveLength(1);
  });

  test.each([
    ["text that only names a type", [{ role: "user", content: 'the word "image_url"' }]],
    ["parts that are no objects", [{ role: "user", content: [null, 1, "image_url"] }]],
    ["messages that are no list", { image_url: "image_url" }],
    ["a video, which encoders are not asked for", [{ role: "user", content: [{ type: "video_url", video_url: {} }] }]],
  ])("finds nothing in %s", (_, messages) => {
    expect(found(messages)).toEqual([]);
  });
});

describe("encodersFor()", () => {
  const slots = (...names: string[]) => names.map((name) => ({ name }) as Slot);
  const hashes = Array.from({ length: 60 }, (_, at) => `hash-${at}`);
  const firsts = (names: string[]) => hashes.map((hash) => encodersFor(hash, slots(...names))[0]?.name);

  test("gives a medium to the same encoder, in whatever order they are listed, and uses all of them", () => {
    expect(firsts(["encode-0", "encode-1", "encode-2"])).toEqual(firsts(["encode-2", "encode-0", "encode-1"]));
    expect(new Set(firsts(["encode-0", "encode-1", "encode-2"])).size).toBe(3);
  });

  test("moves only the media of an encoder that goes", () => {
    const [before, after] = [firsts(["encode-0", "encode-1", "encode-2"]), firsts(["encode-0", "encode-1"])];
    before.forEach((name, at) => {
      if (name !== "encode-2") expect(after[at]).toBe(name);
    });
  });
});
