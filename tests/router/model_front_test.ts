import { expect, test } from "bun:test";
import { type FrontModel, modelFront } from "../../router/model_front.ts";

const echo = (name: string, servedName: string): FrontModel => ({
  name,
  servedName,
  fetch: async (request) =>
    request.method === "GET"
      ? Response.json({ object: "list", data: [{ id: servedName }] })
      : Response.json({ name, text: await request.text(), path: new URL(request.url).pathname }),
});

const front = modelFront([echo("policy", "org/policy"), echo("judge", "org/judge")], () => "id");
const post = async (text: string) => {
  const response = await front(new Request("http://h/v1/completions", { method: "POST", body: text }));
  return { status: response.status, body: await response.json() as Record<string, unknown> };
};

test("a body that names a model as its workers do travels byte for byte", async () => {
  const text = ' {"prompt":"é\\u00e9" , "model":"org/judge","seed":12345678901234567890}';
  expect((await post(text)).body).toEqual({ name: "judge", text, path: "/v1/completions" });
});

test("the entry's name becomes the name that the workers know", async () => {
  expect((await post('{"model":"policy","prompt":"x"}')).body["text"]).toBe('{"prompt":"x","model":"org/policy"}');
});

test("of a repeated model the last one counts, as for the workers", async () => {
  expect((await post('{"model":"org/policy","model":"org/judge"}')).body["name"]).toBe("judge");
});

test.each([
  ["no body", ""],
  ["a list", "[]"],
  ["no model", '{"prompt":"x"}'],
  ["a model that is no text", '{"model":7}'],
])("%s is a 400 that names the models", async (_, text) => {
  const { status, body } = await post(text);
  expect([status, JSON.stringify(body)]).toEqual([400, expect.stringContaining("org/policy")]);
});

test("a model that is not served is a 404", async () => {
  expect((await post('{"model":"org/other"}')).status).toBe(404);
});

test("lists are joined, and one refusal is the answer", async () => {
  const list = await front(new Request("http://h/v1/models"));
  expect(await list.json()).toEqual({ object: "list", data: [{ id: "org/policy" }, { id: "org/judge" }] });
  const closed = { ...echo("locked", "org/locked"), fetch: () => new Response("key?", { status: 401 }) };
  const refused = await modelFront([echo("policy", "org/policy"), closed], () => "id")(
    new Request("http://h/v1/models"),
  );
  expect([refused.status, await refused.text()]).toEqual([401, "key?"]);
});
