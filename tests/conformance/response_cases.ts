// What a worker may send back, and what a client must make of it. Used on the parser alone and on whole clients.

export interface ResponseCase {
  readonly title: string;
  readonly method?: string;
  /** The worker's bytes as latin1; it closes the connection after them. */
  readonly bytes: string;
  readonly expected:
    | { readonly status: number; readonly body: string; readonly end: "keep" | "close" }
    | { readonly fails: "protocol" | "too-large" | "reset" };
}

const ok = "HTTP/1.1 200 OK\r\n";
const chunked = `${ok}transfer-encoding: chunked\r\n\r\n`;

function answers(
  title: string,
  bytes: string,
  body: string,
  more: Partial<ResponseCase> & { status?: number; end?: "keep" | "close" } = {},
): ResponseCase {
  const { status = 200, end = "keep", ...rest } = more;
  return { title, bytes, expected: { status, body, end }, ...rest };
}

function refuses(title: string, bytes: string, fails: "protocol" | "too-large" | "reset" = "protocol"): ResponseCase {
  return { title, bytes, expected: { fails } };
}

export const acceptedCases: readonly ResponseCase[] = [
  answers("content-length", `${ok}content-length: 5\r\n\r\nhello`, "hello"),
  answers("content-length 0", `${ok}content-length: 0\r\n\r\n`, ""),
  answers("header names in any case, with space around the value", `${ok}Content-LENGTH: \t 2  \r\n\r\nhi`, "hi"),
  answers("no reason phrase", "HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\nhi", "hi"),
  answers("neither reason phrase nor the space before it", "HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nhi", "hi"),
  answers("a body until the connection closes", `${ok}\r\nall of it`, "all of it", { end: "close" }),
  answers("an empty body until the connection closes", `${ok}\r\n`, "", { end: "close" }),
  answers("connection: close", `${ok}connection: close\r\ncontent-length: 2\r\n\r\nhi`, "hi", { end: "close" }),
  answers("connection: Close among other options", `${ok}connection: foo, Close\r\ncontent-length: 2\r\n\r\nhi`, "hi", {
    end: "close",
  }),
  answers("HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", "hi", { end: "close" }),
  answers("HTTP/1.0 with keep-alive", "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nhi", "hi"),
  answers("chunks", `${chunked}5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n`, "hello world"),
  answers("no chunk but the last", `${chunked}0\r\n\r\n`, ""),
  answers(
    "chunk sizes in both cases and with leading zeros",
    `${chunked}0000A\r\n0123456789\r\n00b\r\n0123456789a\r\n00\r\n\r\n`,
    "01234567890123456789a",
  ),
  answers("chunk extensions", `${chunked}2;a=1;b="x y"\r\nhi\r\n0;last\r\n\r\n`, "hi"),
  answers("trailers", `${chunked}2\r\nhi\r\n0\r\nx-sum: 1\r\nx-other: 2\r\n\r\n`, "hi"),
  answers("transfer-encoding in any case", `${ok}Transfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`, "hi"),
  answers("chunk data that looks like framing", `${chunked}9\r\n0\r\n\r\n0\r\n\r\r\n0\r\n\r\n`, "0\r\n\r\n0\r\n\r"),
  answers("100 before the answer", `HTTP/1.1 100 Continue\r\n\r\n${ok}content-length: 2\r\n\r\nhi`, "hi"),
  answers(
    "103 with headers, twice",
    `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n${ok}content-length: 2\r\n\r\nhi`,
    "hi",
  ),
  answers("204 without length", "HTTP/1.1 204 No Content\r\n\r\n", "", { status: 204 }),
  answers(
    "304 with a length of the body it does not send",
    "HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n",
    "",
    { status: 304 },
  ),
  answers("the answer to HEAD with a length", `${ok}content-length: 99\r\n\r\n`, "", { method: "HEAD" }),
  answers("the answer to HEAD with chunked", chunked, "", { method: "HEAD" }),
  answers("an error status with a body", "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy", "busy", {
    status: 503,
  }),
  answers(
    "bytes after the end, which are not read as an answer",
    `${ok}content-length: 2\r\n\r\nhi${ok}content-length: 4\r\n\r\nevil`,
    "hi",
    { end: "close" },
  ),
];

export const refusedCases: readonly ResponseCase[] = [
  refuses("something else than HTTP", "SSH-2.0-OpenSSH_9.9\r\n"),
  refuses("HTTP/2", "HTTP/2 200 OK\r\n\r\n"),
  refuses("HTTP/1.2", "HTTP/1.2 200 OK\r\ncontent-length: 0\r\n\r\n"),
  refuses("a status of two digits", "HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n"),
  refuses("a status of four digits", "HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n"),
  refuses("a status below 100", "HTTP/1.1 099 OK\r\ncontent-length: 0\r\n\r\n"),
  refuses("an empty line before the status line", `\r\n${ok}content-length: 0\r\n\r\n`),
  refuses("101", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
  refuses("a 100 with a length", `HTTP/1.1 100 Continue\r\ncontent-length: 2\r\n\r\nhi${ok}content-length: 0\r\n\r\n`),
  refuses("interim answers without end", "HTTP/1.1 102 Processing\r\n\r\n".repeat(17)),
  refuses(
    "both length and chunked",
    `${ok}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
  ),
  refuses("two different lengths", `${ok}content-length: 2\r\ncontent-length: 3\r\n\r\nhi!`),
  refuses("two equal lengths", `${ok}content-length: 2\r\ncontent-length: 2\r\n\r\nhi`),
  refuses("a list of lengths", `${ok}content-length: 2, 2\r\n\r\nhi`),
  refuses("a negative length", `${ok}content-length: -1\r\n\r\n`),
  refuses("a signed length", `${ok}content-length: +2\r\n\r\nhi`),
  refuses("a hexadecimal length", `${ok}content-length: 0x2\r\n\r\nhi`),
  refuses("an empty length", `${ok}content-length:\r\n\r\n`),
  refuses("a length beyond exact numbers", `${ok}content-length: 99999999999999999999\r\n\r\n`),
  refuses("another transfer coding", `${ok}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`),
  refuses("chunked twice", `${ok}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`),
  refuses("identity coding", `${ok}transfer-encoding: identity\r\n\r\nhi`),
  refuses("a tab after chunked", `${ok}transfer-encoding: chunked\t\r\n\r\n0\r\n\r\n`),
  refuses("a 100 that ends the connection", `HTTP/1.0 100 Continue\r\n\r\n${ok}content-length: 0\r\n\r\n`),
  refuses("an empty chunk extension", `${chunked}2;\r\nhi\r\n0\r\n\r\n`),
  refuses("a coding that only looks like chunked", `${ok}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`),
  refuses("chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
  refuses("a folded header", `${ok}x-a: 1\r\n 2\r\ncontent-length: 0\r\n\r\n`),
  refuses("space before the colon", `${ok}content-length : 2\r\n\r\nhi`),
  refuses("space before a header name", `${ok} content-length: 2\r\n\r\nhi`),
  refuses("a header without a name", `${ok}: 2\r\n\r\n`),
  refuses("a header without a colon", `${ok}content-length\r\n\r\n`),
  refuses("a bare LF between headers", `${ok}x-a: 1\ncontent-length: 2\r\n\r\nhi`),
  refuses("a bare CR in a header", `${ok}x-a: 1\rx-b: 2\r\ncontent-length: 2\r\n\r\nhi`),
  refuses("NUL in a header", `${ok}x-a: 1\0\r\ncontent-length: 2\r\n\r\nhi`),
  refuses("a chunk size that is not hexadecimal", `${chunked}g\r\nhi\r\n0\r\n\r\n`),
  refuses("an empty chunk size", `${chunked}\r\nhi\r\n0\r\n\r\n`),
  refuses("a chunk size with 0x", `${chunked}0x2\r\nhi\r\n0\r\n\r\n`),
  refuses("a signed chunk size", `${chunked}-2\r\nhi\r\n0\r\n\r\n`),
  refuses("a chunk size beyond exact numbers", `${chunked}fffffffffffffffff\r\nhi`),
  refuses("space before a chunk size", `${chunked} 2\r\nhi\r\n0\r\n\r\n`),
  refuses("space after a chunk size", `${chunked}2 \r\nhi\r\n0\r\n\r\n`),
  refuses("a chunk size line with a bare LF", `${chunked}2\nhi\r\n0\r\n\r\n`),
  refuses("a chunk size line with a bare CR", `${chunked}2\rhi\r\n0\r\n\r\n`),
  refuses("a chunk longer than its size", `${chunked}2\r\nhi!\r\n0\r\n\r\n`),
  refuses("a chunk that ends with a bare LF", `${chunked}2\r\nhi\n0\r\n\r\n`),
  refuses("a control character in a chunk extension", `${chunked}2;a\nb\r\nhi\r\n0\r\n\r\n`),
  refuses("a chunk extension without end", `${chunked}2;${"a".repeat(5_000)}`),
  refuses("a trailer that is not a header", `${chunked}0\r\nno colon\r\n\r\n`),
  refuses("a trailer with a bare LF", `${chunked}0\r\nx-a: 1\n\r\n`),
  refuses("a trailer that frames the answer", `${chunked}0\r\nContent-Length: 3\r\n\r\n`),
  refuses("trailers without end", `${chunked}0\r\n${"x-a: 1\r\n".repeat(5_000)}`),
  refuses("a head without end", `${ok}${"x-a: 1\r\n".repeat(20_000)}`, "too-large"),
  refuses("a head over the limit", `${ok}x-a: ${"a".repeat(70_000)}\r\ncontent-length: 0\r\n\r\n`, "too-large"),
  refuses("nothing", "", "reset"),
  refuses("half a status line", "HTTP/1.1 20", "reset"),
  refuses("half a head", `${ok}content-le`, "reset"),
  refuses("half a body by length", `${ok}content-length: 5\r\n\r\nhel`, "reset"),
  refuses("half a chunk", `${chunked}5\r\nhel`, "reset"),
  refuses("chunks without the last", `${chunked}5\r\nhello\r\n`, "reset"),
  refuses("a last chunk without the empty line", `${chunked}5\r\nhello\r\n0\r\n`, "reset"),
  refuses("only an interim answer", "HTTP/1.1 100 Continue\r\n\r\n", "reset"),
];
