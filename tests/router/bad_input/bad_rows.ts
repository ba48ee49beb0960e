// Requests nobody should send, and what each must get.

/** `closed`: the connection ends without an answer. `open`: no answer within a moment, and nothing is held for it. */
export interface BadRow {
  readonly name: string;
  readonly send: Uint8Array | string;
  /** Ends the sending side after it. */
  readonly half?: true;
  readonly expect: number | "closed" | "open";
  /** Where the runtime's own server answers otherwise. */
  readonly byRuntime?: number | "closed";
}

const bytes = (...parts: readonly (string | readonly number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => typeof part === "string" ? Buffer.from(part) : Buffer.from([...part])));

/** A request around this body; each header replaces the usual one of its name, null leaves it out. */
function post(
  body: Uint8Array | string,
  { path = "/v1/completions", method = "POST", headers = {} as Record<string, string | null>, version = "HTTP/1.1" } =
    {},
): Uint8Array {
  const payload = typeof body === "string" ? Buffer.from(body) : body;
  const usual = { host: "router", "content-type": "application/json", "content-length": String(payload.length) };
  const lines = Object.entries({ ...usual, connection: "close", ...headers })
    .flatMap(([name, value]) => value === null ? [] : [`${name}: ${value}`]);
  return Buffer.concat([
    Buffer.from(`${method} ${path} ${version}\r\n${lines.join("\r\n")}\r\n\r\n`, "latin1"),
    payload,
  ]);
}

const good = '{"model":"tiny","prompt":"Hi","max_tokens":3}';
const withMembers = (members: string) => `{"model":"tiny","prompt":"Hi","max_tokens":3,${members}}`;
const bad = (name: string, send: BadRow["send"], expect: BadRow["expect"], half?: true): BadRow =>
  half ? { name, send, expect, half } : { name, send, expect };
const body = (name: string, text: Uint8Array | string, expect: BadRow["expect"]) =>
  bad(`body: ${name}`, post(text), expect);

const notJson: readonly BadRow[] = [
  body("empty", "", 400),
  body("white space", " \r\n\t ", 400),
  body("a word", "hello", 400),
  body("an array", "[1,2]", 400),
  body("a string", '"text"', 400),
  body("a number", "42", 400),
  body("true", "true", 400),
  body("null", "null", 400),
  body("NaN", "NaN", 400),
  body("an open brace", "{", 400),
  body("truncated in a name", '{"mod', 400),
  body("truncated after a name", '{"model"', 400),
  body("truncated after a colon", '{"model":', 400),
  body("truncated in a string", '{"model":"ti', 400),
  body("truncated in an array", '{"prompt":[1,2', 400),
  body("truncated in an object", '{"a":{"b":1', 400),
  body("truncated after a comma", '{"model":"tiny",', 400),
  body("truncated in an escape", '{"model":"\\', 400),
  body("truncated in a number's exponent", '{"max_tokens":1e', 400),
  body("trailing comma", '{"model":"tiny",}', 400),
  body("leading comma", '{,"model":"tiny"}', 400),
  body("two commas", '{"model":"tiny",,"prompt":"a"}', 400),
  body("single quotes", "{'model':'tiny'}", 400),
  body("name without quotes", '{model:"tiny"}', 400),
  body("a comment", '{"model":"tiny"/* hi */}', 400),
  body("something after the end", `${good} x`, 400),
  body("two objects", `${good}${good}`, 400),
  body("a colon too many", '{"model"::"tiny"}', 400),
  body("a name that is a number", '{1:"tiny"}', 400),
  body("value NaN", withMembers('"temperature":NaN'), 400),
  body("value Infinity", withMembers('"temperature":-Infinity'), 400),
  body("value undefined", withMembers('"temperature":undefined'), 400),
  body("hexadecimal number", withMembers('"seed":0x10'), 400),
  body("number with a leading zero", withMembers('"seed":007'), 400),
  body("number with a plus", withMembers('"seed":+1'), 400),
  body("number that begins with a point", withMembers('"seed":.5'), 400),
  body("a misspelt true", withMembers('"stream":ture'), 400),
  body("a bad escape in a name", '{"mo\\xdel":"tiny"}', 400),
  body("NUL alone", bytes([0]), 400),
  body("NUL after the object", bytes(good, [0]), 400),
  body("UTF-16 with a byte order mark", bytes([0xff, 0xfe], Buffer.from(good, "utf16le").toString("latin1")), 400),
  body("UTF-32", bytes([0, 0, 0, 0x7b]), 400),
  body("gzip said to be JSON", bytes([0x1f, 0x8b, 8, 0, 0, 0]), 400),
  body("a form said to be JSON", "model=tiny&prompt=Hi", 400),
  body("XML", "<?xml version='1.0'?><a/>", 400),
  body("a pickle", bytes([0x80, 4, 0x95, 0]), 400),
  body("1,001 members", `{${Array.from({ length: 1_001 }, (_, i) => `"m${i}":1`).join()}}`, 400),
  body("a number of 10,000 digits", withMembers(`"seed":${"9".repeat(10_000)}`), 400),
];

/** What JSON allows goes to the engine, which judges it; what matters is that it comes to no harm on the way. */
const oddJson: readonly BadRow[] = [
  body("byte order mark", bytes([0xef, 0xbb, 0xbf], good), 200),
  body("a repeated member", withMembers('"max_tokens":5'), 200),
  body("a repeated kv member", withMembers('"kv_transfer_params":{"a":1},"kv_transfer_params":null'), 200),
  body("a name with escapes", '{"mod\\u0065l":"tiny","prompt":"Hi"}', 200),
  body("a KV member written with escapes", withMembers('"kv\\u005ftransfer_params":{"do_remote_prefill":true}'), 200),
  body("lone surrogates", withMembers('"user":"\\ud800"'), 200),
  body("a raw NUL in a string", bytes('{"model":"tiny","prompt":"a', [0], '"}'), 200),
  body("broken UTF-8 in a string", bytes('{"model":"tiny","prompt":"', [0xc3, 0x28], '"}'), 200),
  body("an escaped NUL in a string", withMembers('"user":"a\\u0000b"'), 200),
  body("a name of 60 kB", withMembers(`"${"n".repeat(60_000)}":1`), 200),
  body("100,000 nested arrays", withMembers(`"x":${"[".repeat(100_000)}${"]".repeat(100_000)}`), 200),
  body("100,000 nested objects", withMembers(`"x":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`), 200),
  body("100,000 open arrays", withMembers(`"x":${"[".repeat(100_000)}`), 400),
  body(
    "50,000 holders of KV params in each other",
    withMembers(`"extra_args":${'{"extra_args":'.repeat(50_000)}1${"}".repeat(50_000)}`),
    200,
  ),
  body("brackets in a string", withMembers(`"user":"${"[{".repeat(1_000)}"`), 200),
  body("backslashes without end", withMembers(`"user":"${"\\\\".repeat(50_000)}"`), 200),
  body("__proto__", withMembers('"__proto__":{"max_tokens":1}'), 200),
  body("constructor", withMembers('"constructor":{"prototype":{}}'), 200),
  body("an empty name", withMembers('"":1'), 200),
  body("an empty object", "{}", 200),
];

const wrongTypes: readonly BadRow[] = [
  ...["n", "best_of", "max_tokens", "min_tokens", "truncate_prompt_tokens", "priority", "stream_interval"].flatMap((
    name,
  ) =>
    ['"x"', "[]", "{}", "-1", "1e999", "null"].map((value) =>
      body(`${name} is ${value}`, withMembers(`${JSON.stringify(name)}:${value}`), 200)
    )
  ),
  ...["1", "{}", "[]", '[""]', "[[]]", "[null]", '[1,"a"]', "[[1],2]", "null"].map((value) =>
    body(`prompt is ${value}`, `{"model":"tiny","prompt":${value}}`, 200)
  ),
  ...[
    "stream",
    "echo",
    "use_beam_search",
    "logprobs",
    "prompt_logprobs",
    "stream_options",
    "user",
    "session_id",
    "model",
  ]
    .map((name) => body(`${name} is an object`, withMembers(`"${name}":{"a":[1]}`), 200)),
];

/** Each connector's params, as a client might make them up. */
const foreignKv: readonly BadRow[] = [
  '"kv_transfer_params":{"do_remote_prefill":true}',
  '"kv_transfer_params":{"do_remote_prefill":true,"remote_host":"169.254.169.254","remote_port":80,"remote_engine_id":"x","remote_block_ids":[[1]],"remote_request_id":"x","tp_size":1}',
  '"kv_transfer_params":{"do_remote_decode":true,"transfer_id":"x"}',
  '"kv_transfer_params":{"do_remote_prefill":true,"remote_bootstrap_addr":"http://169.254.169.254/","transfer_id":"x"}',
  '"kv_transfer_params":{"remote_prefiller":{"kv_request_id":"x","remote_host":"10.0.0.1","remote_port":1}}',
  '"kv_transfer_params":"text"',
  '"kv_transfer_params":[1]',
  '"ec_transfer_params":{"do_remote_encode":true}',
].map((member, i) => body(`a client's KV params ${i + 1}`, withMembers(member), 200)).concat(
  [
    '"vllm_xargs":{"kv_transfer_params":{"do_remote_prefill":true}}',
    '"vllm_xargs":{"ec_transfer_params":[1]}',
    '"vllm_xargs":{"kv\\u005ftransfer_params":1}',
    '"extra_args":{"kv_transfer_params":1}',
    '"sampling_params":{"extra_args":{"kv_transfer_params":1}}',
  ].map((member, i) => body(`KV params hidden ${i + 1}`, withMembers(member), 400)),
);

const header = (name: string, headers: Record<string, string | null>, expect: BadRow["expect"], text = good): BadRow =>
  bad(`header: ${name}`, post(text, { headers }), expect);

const oddHeaders: readonly BadRow[] = [
  header("no host", { host: null }, 400),
  header(
    "content-length and transfer-encoding",
    { "transfer-encoding": "chunked" },
    400,
    `${good.length.toString(16)}\r\n${good}\r\n0\r\n\r\n`,
  ),
  header("content-length is negative", { "content-length": "-1" }, 400),
  header("content-length is no number", { "content-length": "ten" }, 400),
  header("content-length is hexadecimal", { "content-length": "0x10" }, 400),
  header("content-length with a plus", { "content-length": "+10" }, 400),
  header("two content-lengths in one", { "content-length": "10, 20" }, 400),
  header("content-length beyond 2^64", { "content-length": "99999999999999999999999" }, 400),
  header("transfer-encoding that is not chunked", { "content-length": null, "transfer-encoding": "gzip" }, 400),
  header("transfer-encoding in disguise", { "content-length": null, "transfer-encoding": "xchunked" }, 400),
  header("transfer-encoding chunked twice", { "content-length": null, "transfer-encoding": "chunked, chunked" }, 400),
  header(
    "a chunk size that is no number",
    { "content-length": null, "transfer-encoding": "chunked" },
    400,
    "zz\r\nabc\r\n0\r\n\r\n",
  ),
  header(
    "a negative chunk size",
    { "content-length": null, "transfer-encoding": "chunked" },
    400,
    "-1\r\nabc\r\n0\r\n\r\n",
  ),
  header(
    "a chunk size beyond 2^64",
    { "content-length": null, "transfer-encoding": "chunked" },
    400,
    `${"f".repeat(20)}\r\nabc`,
  ),
  header(
    "a chunk without its line end",
    { "content-length": null, "transfer-encoding": "chunked" },
    400,
    "3\r\nabcX0\r\n\r\n",
  ),
  header("a space before the colon", { "x-odd ": "1" }, 400),
  header("a name with a NUL", { "x-\0odd": "1" }, 400),
  header("a name with a bracket", { "x-(odd)": "1" }, 400),
  header("a value with a NUL", { "x-odd": "a\0b" }, 400),
  header("a value with a bare carriage return", { "x-odd": "a\rb" }, 400),
  header("a folded value", { "x-odd": "a\r\n b" }, 400),
  header("an empty name", { "": "1" }, 400),
  header("100,000 headers", Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`x-${i}`, "1"])), 431),
  header("a header of 1 MB", { "x-odd": "a".repeat(1_000_000) }, 431),
  header("a request id with a tab", { "x-request-id": "a\tb" }, 200),
  // RFC 9110 §5.5 has no control character in a value, nor takes llhttp one.
  { ...header("a request id with a control character", { "x-request-id": "a\tb\x7f" }, 400), byRuntime: 200 },
  header("a request id with quotes and line ends written out", { "x-request-id": '"%0d%0aX: y' }, 200),
  header("a request id of 10 kB", { "x-request-id": "i".repeat(10_000) }, 200),
  header(
    "a request id that names workers",
    { "x-request-id": "___prefill_addr_10.0.0.1:1___decode_addr_10.0.0.2:2_x" },
    200,
  ),
  header("a data parallel rank", { "x-data-parallel-rank": "999999" }, 200),
  header("an address to forward to", { "x-prefiller-host-port": "169.254.169.254:80" }, 200),
  header("a worker to go to", { "x-smg-target-worker": "http://169.254.169.254/" }, 200),
  header("an upgrade", { upgrade: "websocket", connection: "upgrade, close" }, 200),
  header("connection names content-length", { connection: "close, content-length" }, 200),
  header("pdserve's own headers", { "x-pdserve-decode": "decode-9", "x-pdserve-handoff": "none" }, 200),
  header("expect something unknown", { expect: "the-unexpected" }, 200),
  header("another content type", { "content-type": "text/plain" }, 200),
  header("a content encoding nobody undoes", { "content-encoding": "gzip" }, 200),
  header("no content type", { "content-type": null }, 200),
];

const line = (text: string, expect: BadRow["expect"], half?: true) =>
  bad(`line: ${JSON.stringify(text.slice(0, 40))}`, text, expect, half);
const tail = "host: router\r\nconnection: close\r\n\r\n";

const oddLines: readonly BadRow[] = [
  line("\r\n\r\n\r\n", 400),
  line("hello\r\n\r\n", 400),
  line("GET\r\n\r\n", 400),
  line("GET /health\r\n\r\n", 505),
  line(`GET /health HTTP/0.9\r\n${tail}`, 505),
  line(`GET /health HTTP/2.0\r\n${tail}`, 505),
  line(`GET /health HTTP/1.1x\r\n${tail}`, 505),
  // No method, so no request line, whatever its version.
  { ...line(`G\0T /health HTTP/1.1\r\n${tail}`, 400), byRuntime: 505 },
  line("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
  line("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
  line("SSH-2.0-OpenSSH_9.6\r\n", 400),
  line(`GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\n${tail}`, 404),
  line(`CONNECT 169.254.169.254:80 HTTP/1.1\r\n${tail}`, 404),
  line(`OPTIONS * HTTP/1.1\r\n${tail}`, 400),
  line(`TRACE / HTTP/1.1\r\n${tail}`, 404),
  line(`GET /../../etc/passwd HTTP/1.1\r\n${tail}`, 404),
  line(`GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n${tail}`, 404),
  line(`GET /v1/models/../../pause HTTP/1.1\r\n${tail}`, 404),
  line(`GET //health HTTP/1.1\r\n${tail}`, 404),
  line(`GET /health%00 HTTP/1.1\r\n${tail}`, 404),
  line(`GET /health#part HTTP/1.1\r\n${tail}`, 200),
  line(`GET /${"a".repeat(100_000)} HTTP/1.1\r\n${tail}`, 431),
  line(`GET /v1/completions HTTP/1.1\r\n${tail}`, 405),
  line(`DELETE /v1/chat/completions HTTP/1.1\r\n${tail}`, 405),
  line(
    `OPTIONS /v1/chat/completions HTTP/1.1\r\norigin: http://evil.example\r\naccess-control-request-method: POST\r\n${tail}`,
    405,
  ),
  line(`POST /admin/requests HTTP/1.1\r\ncontent-length: 0\r\n${tail}`, 404),
  line(`POST /pause HTTP/1.1\r\ncontent-length: 0\r\n${tail}`, 404),
  line(`POST /workers HTTP/1.1\r\ncontent-length: 2\r\n${tail}{}`, 404),
];

const cutOff: readonly BadRow[] = [
  bad("nothing, and the client closes", "", "closed", true),
  bad("half a head, and the client closes", "POST /v1/completions HTTP/1.1\r\nhost: a\r\ncontent-le", "closed", true),
  bad("half a body, and the client closes", post(good).subarray(0, -10), "closed", true),
  bad(
    "half a chunk, and the client closes",
    post("10\r\nabc", { headers: { "content-length": null, "transfer-encoding": "chunked" } }),
    "closed",
    true,
  ),
  bad("half a head, and silence", "POST /v1/completions HTTP/1.1\r\nhost: a\r\ncontent-le", "open"),
  bad("half a body, and silence", post(good).subarray(0, -10), "open"),
  bad("a body of 64 MB that is announced", post("{", { headers: { "content-length": String(64 * 1024 * 1024) } }), 413),
  bad(
    "a body larger than the limit, in chunks",
    post(`200001\r\n${" ".repeat(0x200001)}\r\n0\r\n\r\n`, {
      headers: { "content-length": null, "transfer-encoding": "chunked" },
    }),
    413,
  ),
  bad("a body larger than the limit", post(`{"prompt":"${"a".repeat(2 * 1024 * 1024)}"}`), 413),
  // Answered one after the other (RFC 9112 §9.3.2); the runtime's server gives none of them an answer.
  {
    byRuntime: "closed",
    ...bad(
      "three requests at once",
      Buffer.concat([
        post(good, { headers: { connection: null } }),
        post("{", { headers: { connection: null } }),
        post(good),
      ]),
      200,
    ),
  },
  // The first one is good, and answered before the second is looked at.
  {
    byRuntime: 400,
    ...bad(
      "a second request that is garbage",
      Buffer.concat([post(good, { headers: { connection: null } }), Buffer.from("garbage\r\n\r\n")]),
      200,
    ),
  },
  bad(
    "multipart on a JSON route",
    post("--x\r\n\r\n--x--", { headers: { "content-type": "multipart/form-data; boundary=x" } }),
    400,
  ),
  bad("a GET with a body", post(good, { method: "GET", path: "/v1/models" }), 200),
  bad("a HEAD of a route", post("", { method: "HEAD", path: "/health" }), 200),
];

export const badRows: readonly BadRow[] = [
  ...notJson,
  ...oddJson,
  ...wrongTypes,
  ...foreignKv,
  ...oddHeaders,
  ...oddLines,
  ...cutOff,
];
