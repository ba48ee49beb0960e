"""What the official Python client of OpenAI sees of a plain engine and of pdserve.

usage: ask_by_openai.py PLAIN_URL PDSERVE_URL MODEL
Prints one JSON line for each case: {case, plain, pdserve}, both as types.
"""
import json
import sys

import openai

import answer_shape

plain_url, pdserve_url, model = sys.argv[1:]
messages = [{"role": "user", "content": "Tell me something about rivers"}]
prompt = "Tell me something about lakes"
greedy = {"model": model, "temperature": 0, "max_tokens": 6}
usage_too = {"stream": True, "stream_options": {"include_usage": True}}

cases = {
    "models.list": lambda api: list(api.models.list()),
    "completions.create": lambda api: api.completions.create(prompt=prompt, **greedy),
    "completions.create with logprobs and echo": lambda api: api.completions.create(prompt=prompt, logprobs=2, echo=True, **greedy),
    "completions.create of two prompts": lambda api: api.completions.create(prompt=[prompt, "and of seas"], **greedy),
    "completions.create, streamed with usage": lambda api: list(api.completions.create(prompt=prompt, **usage_too, **greedy)),
    "chat.completions.create": lambda api: api.chat.completions.create(messages=messages, **greedy),
    "chat.completions.create with n = 2 and logprobs": lambda api: api.chat.completions.create(
        model=model, messages=messages, n=2, temperature=0.7, seed=7, logprobs=True, top_logprobs=2, max_tokens=4
    ),
    "chat.completions.create, streamed": lambda api: list(api.chat.completions.create(messages=messages, stream=True, **greedy)),
    "chat.completions.create, streamed with usage": lambda api: list(
        api.chat.completions.create(messages=messages, **usage_too, **greedy)
    ),
    "responses.create": lambda api: api.responses.create(model=model, input=prompt, temperature=0, max_output_tokens=6),
    "responses.create, streamed": lambda api: list(
        api.responses.create(model=model, input=prompt, temperature=0, max_output_tokens=6, stream=True)
    ),
    "embeddings.create of a model that has none": lambda api: api.embeddings.create(model=model, input=prompt),
    "an unknown model": lambda api: api.completions.create(model="no-such-model", prompt=prompt),
    "max_tokens below zero": lambda api: api.completions.create(model=model, prompt=prompt, max_tokens=-3),
}


def main():
    for name, ask in cases.items():
        print(json.dumps({"case": name, "plain": seen(plain_url, ask), "pdserve": seen(pdserve_url, ask)}), flush=True)


def seen(url, ask):
    api = openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0, timeout=60)
    try:
        return {"status": 200, "as": "answer", "shape": answer_shape.of_value(plain_data(ask(api)))}
    except openai.APIStatusError as error:
        return {"status": error.status_code, "as": type(error).__name__, "shape": answer_shape.of_value(error.body)}


def plain_data(value):
    if isinstance(value, list):
        return [plain_data(member) for member in value]
    return value.model_dump(mode="json", warnings=False)


main()
