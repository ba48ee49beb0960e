// A client's request as a web standard's `Request`, and the other way round: what goes through Hono is one, and what the
// router serves from workers is none.

import type { BodyTrouble, ClientRequest, Fields } from "./client_request.ts";

const origins = new WeakMap<Request, ClientRequest>();

/** The one that the request was made of, or one around it. */
export function clientRequestOf(request: Request): ClientRequest {
  return origins.get(request) ?? new WrappedRequest(request);
}

/** Null for what the runtime makes no request of, such as methods it does not know, which it would take for GET. */
export function toRequest(client: ClientRequest): Request | null {
  if (client instanceof WrappedRequest) return client.request;
  const { method, target, fields } = client;
  const leaving = new AbortController();
  client.onLeave(() => leaving.abort());
  const body = method === "GET" || method === "HEAD" ? null : client.body ?? streamOf(client);
  try {
    // Nobody looks at the host: it is any name, so that no client can choose one that is no URL's.
    const request = new Request(`http://pdserve${target}`, {
      method,
      headers: fields.map(([name, value]) => [name, value] as [string, string]),
      body: body as ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null,
      signal: leaving.signal,
    });
    if (request.method !== method) return null;
    origins.set(request, client);
    return request;
  } catch {
    return null;
  }
}

/** Reads nothing before somebody asks. */
function streamOf(client: ClientRequest): ReadableStream<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array | BodyTrouble>();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      client.whenBody(resolve);
      const body = await promise;
      if (typeof body === "string") return controller.error(new Error(`the body is ${body}`));
      if (body.length > 0) controller.enqueue(body);
      controller.close();
    },
  }, { highWaterMark: 0 });
}

class WrappedRequest implements ClientRequest {
  readonly request: Request;
  readonly body = null;

  constructor(request: Request) {
    this.request = request;
  }

  get method(): string {
    return this.request.method;
  }

  get target(): string {
    const { url } = this.request;
    // Without a host header, which HTTP/1.0 allows, it is a path alone.
    const path = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("://") + 3);
    const part = url.indexOf("#", path);
    return url.slice(path, part < 0 ? url.length : part);
  }

  get fields(): Fields {
    const fields: [string, string][] = [];
    this.request.headers.forEach((value, name) => void fields.push([name, value]));
    return fields;
  }

  header(name: string): string | null {
    return this.request.headers.get(name);
  }

  /** Not asked first whether there is a body: looking at `request.body` makes a stream of it, and reading that costs more. */
  whenBody(taker: (body: Uint8Array | BodyTrouble) => void): void {
    this.request.bytes().then(taker, () => taker("gone"));
  }

  get hasLeft(): boolean {
    return this.request.signal.aborted;
  }

  onLeave(callback: () => void): void {
    this.request.signal.addEventListener("abort", callback, { once: true });
  }
}
