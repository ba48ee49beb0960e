// A proxy as people write them: prefill with one token, then decode with what prefill answered. Arguments: port, prefill's and decode's URL.

const [port, prefill, decode] = Bun.argv.slice(2);

async function ask(url: string, body: unknown): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return await fetch(`${url}/v1/completions`, { method: "POST", headers, body: JSON.stringify(body) });
}

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  async fetch(request) {
    if (request.method === "GET") return new Response(String(process.pid));
    const body = await request.json() as Record<string, unknown>;
    const asksKv = { do_remote_decode: true, do_remote_prefill: false };
    const first = await ask(prefill!, { ...body, max_tokens: 1, kv_transfer_params: asksKv });
    const { kv_transfer_params } = await first.json() as { readonly kv_transfer_params: unknown };
    const answer = await ask(decode!, { ...body, kv_transfer_params });
    return new Response(await answer.text(), { status: answer.status, headers: { "x-proxy": "small" } });
  },
});
console.log("the small proxy listens");

export {};
