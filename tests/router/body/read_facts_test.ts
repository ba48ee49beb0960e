import { describe, expect, test } from "bun:test";
import { type BodyFacts, readFacts } from "../../../router/body/read_facts.ts";
import { scanBody } from "../../../router/body/scan_body.ts";

function factsOf(text: string): BodyFacts {
  const body = scanBody(new TextEncoder().encode(text));
  if (body.is === "refused") throw new Error(body.message);
  return readFacts(body);
}

describe("readFacts()", () => {
  test("reads a chat request", () => {
    const text = `{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true,"n":2,"max_tokens":64,` +
      `"max_completion_tokens":32,"min_tokens":1,"best_of":3,"truncate_prompt_tokens":-1,"logprobs":true,` +
      `"prompt_logprobs":0,"use_beam_search":true,"echo":true,"stream_options":{"include_usage":true},"user":"u"}`;
    const facts = factsOf(text);
    expect(facts).toMatchObject({
      model: "m",
      stream: true,
      includeUsage: true,
      n: 2,
      bestOf: 3,
      maxTokens: 64,
      maxCompletionTokens: 32,
      minTokens: 1,
      truncatePromptTokens: -1,
      echo: true,
      useBeamSearch: true,
      logprobs: true,
      promptLogprobs: true,
      prompt: "missing",
      sessionKey: "u",
    });
    expect(text.slice(facts.messagesSpan!.start, facts.messagesSpan!.end)).toBe(`[{"role":"user","content":"hi"}]`);
  });

  test("has a neutral value for every absent or null member", () => {
    const neutral: BodyFacts = {
      model: null,
      stream: false,
      includeUsage: false,
      n: null,
      bestOf: null,
      maxTokens: null,
      maxCompletionTokens: null,
      minTokens: null,
      truncatePromptTokens: null,
      echo: false,
      useBeamSearch: false,
      logprobs: false,
      promptLogprobs: false,
      promptEmbeds: false,
      prompt: "missing",
      sessionKey: null,
      messagesSpan: null,
      promptSpan: null,
    };
    expect(factsOf("{}")).toEqual(neutral);
    const nulls =
      `{"model":null,"stream":null,"n":null,"echo":null,"logprobs":null,"prompt_logprobs":null,"stream_options":null,"user":null}`;
    expect(factsOf(nulls)).toEqual(neutral);
  });

  test.each([[`"2"`, 2], [`" 2 "`, 2], [`"1_0"`, 10], ["2.0", 2], ["true", 1], ["null", null]])(
    "reads n %s as pydantic does",
    (raw, n) => expect(factsOf(`{"n":${raw}}`).n).toBe(n),
  );

  test.each([`"x"`, `""`, "[2]", `{"a":1}`])("reads n %s as NaN, which is not 1", (raw) => {
    expect(factsOf(`{"n":${raw}}`).n).toBeNaN();
  });

  test("reads a number hidden behind two thousand zeros as NaN", () => {
    expect(factsOf(`{"n":"${"0".repeat(2_000)}2"}`).n).toBeNaN();
  });

  test.each([["true", true], ["1", true], [`"yes"`, true], [`"True"`, true], ["false", false], ["0", false], [
    `"off"`,
    false,
  ], ["[]", false]])(
    "reads stream %s as pydantic does",
    (raw, stream) => expect(factsOf(`{"stream":${raw}}`).stream).toBe(stream),
  );

  test("takes the last of a repeated member", () => {
    expect(factsOf(`{"n":2,"stream":true,"n":1,"stream":false}`)).toMatchObject({ n: 1, stream: false });
  });

  test("counts logprobs 0 as asked for, and false as not", () => {
    expect(factsOf(`{"logprobs":0}`).logprobs).toBe(true);
    expect(factsOf(`{"logprobs":false}`).logprobs).toBe(false);
  });

  test("prefers session_id to user, and takes neither when they are no text", () => {
    expect(factsOf(`{"user":"u","session_id":"s"}`).sessionKey).toBe("s");
    expect(factsOf(`{"user":"u","session_id":""}`).sessionKey).toBe("u");
    expect(factsOf(`{"user":7,"session_id":[1]}`).sessionKey).toBeNull();
  });

  test.each(
    [
      [`"hi"`, "text"],
      [`""`, "text"],
      [`["hi"]`, "text"],
      [`[ "hi" ]`, "text"],
      [`["a","b"]`, "several"],
      [`["a" , "b"]`, "several"],
      [`[1,2,3]`, "token-ids"],
      [`[ 1 ]`, "token-ids"],
      [`[[1,2]]`, "token-ids"],
      [`[[1],[2]]`, "several"],
      [`[ [1] , [2] ]`, "several"],
      [`[]`, "missing"],
      [`[ ]`, "missing"],
      [`null`, "missing"],
      [`7`, "other"],
      [`{"a":1}`, "other"],
      [`[true]`, "other"],
      [`[["a"]]`, "other"],
      [`[[]]`, "other"],
    ] as const,
  )("classes prompt %s as %s", (raw, kind) => {
    expect(factsOf(`{"prompt":${raw}}`).prompt).toBe(kind);
  });
});
