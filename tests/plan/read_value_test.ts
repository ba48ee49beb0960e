import { expect, test } from "bun:test";
import { readValue } from "../../plan/read_value.ts";
import type { Setting } from "../../plan/settings.ts";

const setting = (kind: Setting["kind"], choices?: string[]): Setting => ({
  ...{ flag: "--x", yaml: "x", kind, choices, default: null, group: "Run", help: "" },
});

test.each(
  [
    ["duration", "30s", 30_000],
    ["duration", "500ms", 500],
    ["duration", "20m", 1_200_000],
    ["duration", "4h", 14_400_000],
    ["duration", "1m30s", 90_000],
    ["duration", "1.5s", 1500],
    ["duration", "45", 45_000],
    ["bytes", "128m", 134_217_728],
    ["bytes", "1g", 1_073_741_824],
    ["bytes", "64KiB", 65_536],
    ["bytes", "1024", 1024],
    ["count", "7", 7],
    ["port", "0", 0],
    ["port", "65535", 65_535],
    ["switch", "true", true],
    ["switch", "off", false],
    ["list", "http://a http://b,http://c", ["http://a", "http://b", "http://c"]],
    ["json", '{"a":[1]}', { a: [1] }],
    ["text", "0,1;2,3", "0,1;2,3"],
    ["url", "https://collector:4318/otlp", "https://collector:4318/otlp"],
  ] as const,
)("readValue() reads a %s from %j", (kind, text, value) => {
  expect(readValue(setting(kind), text)).toEqual({ is: "value", value: value as never });
});

test.each(
  [
    ["duration", "20x"],
    ["duration", "-1s"],
    ["duration", ""],
    ["bytes", "12q"],
    ["count", "0"],
    ["count", "1.5"],
    ["port", "65536"],
    ["port", "http"],
    ["switch", "maybe"],
    ["json", "[1]"],
    ["json", "{a:1}"],
    ["text", ""],
    ["url", "collector:4318"],
    ["url", "unix:/run/otlp"],
  ] as const,
)("readValue() refuses as %s: %j", (kind, text) => {
  expect(readValue(setting(kind), text).is).toBe("bad");
});

test("readValue() takes a choice whatever its case and dashes, and lists the choices otherwise", () => {
  const policy = setting("choice", ["round_robin", "least_inflight"]);
  expect(readValue(policy, "Round-Robin")).toEqual({ is: "value", value: "round_robin" });
  expect(readValue(policy, "random")).toMatchObject({
    is: "bad",
    why: "it must be one of round_robin, least_inflight",
  });
});
