"""A prefill/decode proxy in the style of engines' examples, for comparison only."""

import sys
import uuid

import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

port, prefill_port, decode_port = sys.argv[1:4]
limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
prefill = httpx.AsyncClient(base_url=f"http://127.0.0.1:{prefill_port}", limits=limits, timeout=None)
decode = httpx.AsyncClient(base_url=f"http://127.0.0.1:{decode_port}", limits=limits, timeout=None)
app = FastAPI()


@app.get("/health")
async def health():
    return {}


@app.post("/v1/chat/completions")
async def chat(request: Request):
    body = await request.json()
    headers = {"x-request-id": uuid.uuid4().hex}
    ask = {"do_remote_decode": True, "do_remote_prefill": False}
    first = {**body, "stream": False, "max_tokens": 1, "kv_transfer_params": ask}
    first.pop("stream_options", None)
    reply = await prefill.post(request.url.path, json=first, headers=headers)
    reply.raise_for_status()
    body["kv_transfer_params"] = reply.json()["kv_transfer_params"]

    async def chunks():
        async with decode.stream("POST", request.url.path, json=body, headers=headers) as answer:
            async for chunk in answer.aiter_bytes():
                yield chunk

    return StreamingResponse(chunks(), media_type="text/event-stream")


uvicorn.run(app, host="127.0.0.1", port=int(port), loop="uvloop", http="httptools", log_level="error")
