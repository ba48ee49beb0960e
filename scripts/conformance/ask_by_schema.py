"""Asks a plain engine and pdserve the same requests, made by schemathesis from vLLM's OpenAPI document.

usage: ask_by_schema.py DOCUMENT PLAIN_URL PDSERVE_URL MODEL EXAMPLES
Prints one JSON line for each operation: {operation, asked, served, statuses, differences: [{request, plain, pdserve}]}.
"""
import json
import sys

import hypothesis
import requests
import schemathesis
from schemathesis import GenerationMode

import answer_shape
from fit_body import OPTIONS, fit_body

document, plain_url, pdserve_url, model, examples = sys.argv[1:]
each = int(examples)
TIMEOUT_S = 60
# A sampled text may end early or hold half a letter, so one engine asked twice may differ from itself.
LOOKS = 4
USUAL = set(
    "model messages prompt input tokens max_tokens max_completion_tokens max_output_tokens stream n temperature top_p seed "
    "echo user system query items label_token_ids".split()
)
session = requests.Session()


def main():
    schema = schemathesis.openapi.from_path(document)
    for result in schema.get_all_operations():
        operation = result.ok()
        found = {"operation": f"{operation.method.upper()} {operation.path}", "asked": 0, "served": 0, "statuses": {}, "differences": []}
        for mode, examples, fits in rounds(operation.path):
            try:
                ask_all(operation, mode, examples, fits, found)
            except (hypothesis.errors.Unsatisfiable, schemathesis.errors.InvalidSchema, hypothesis.errors.InvalidArgument):
                continue  # nothing about the operation can be wrong, or right
        print(json.dumps(found), flush=True)


def rounds(path):
    """As the document says, and as it does not; where text is generated, first bodies that an engine takes."""
    if path in OPTIONS:
        yield GenerationMode.POSITIVE, 2 * each, True
    yield GenerationMode.POSITIVE, each, False
    yield GenerationMode.NEGATIVE, each, False


def ask_all(operation, mode, examples, fits, found):
    @hypothesis.seed(1)
    @hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(operation.as_strategy(generation_mode=mode))
    def ask(case):
        if fits:
            case.body = fit_body(operation.path, case.body, model)
        elif mode == GenerationMode.POSITIVE and found["asked"] % 2 == 0:
            keep_usual(case.body)
        bound(case.body)
        plain = shape_from(case, plain_url)
        pdserve = shape_from(case, pdserve_url)
        found["asked"] += 1
        status = str(plain["status"])
        found["statuses"][status] = found["statuses"].get(status, 0) + 1
        found["served"] += plain["status"] == 200 and pdserve["status"] == 200
        if pdserve == plain or any(shape_from(case, plain_url) == pdserve for _ in range(LOOKS)):
            return
        body = case.body if isinstance(case.body, (dict, list, str, int, float, bool, type(None))) else ""
        found["differences"].append({"request": json.dumps(body, default=str)[:2000], "plain": plain, "pdserve": pdserve})

    ask()


def keep_usual(body):
    """With dozens of made-up options at once hardly any request is one that the engine takes."""
    if isinstance(body, dict):
        for name in set(body) - USUAL:
            del body[name]


def bound(body):
    """Names the served model, and keeps answers short: a made-up limit may ask for hours of tokens."""
    if not isinstance(body, dict):
        return
    if isinstance(body.get("model"), str):
        body["model"] = model
    for name, most in [("max_tokens", 8), ("max_completion_tokens", 8), ("max_output_tokens", 8), ("n", 3), ("min_tokens", 4)]:
        if isinstance(body.get(name), int) and body[name] > most:
            body[name] = most
    if isinstance(body.get("messages"), list) or "prompt" in body or "input" in body:
        limits = ("max_tokens", "max_completion_tokens", "max_output_tokens")
        if all(name not in body for name in limits):
            body["max_output_tokens" if "input" in body else "max_tokens"] = 8


def shape_from(case, url):
    try:
        reply = case.call(base_url=url, session=session, timeout=TIMEOUT_S)
    except requests.exceptions.Timeout:
        return {"status": "none in time", "type": "", "body": ""}
    except requests.exceptions.RequestException as error:
        return {"status": type(error).__name__, "type": "", "body": ""}
    types = reply.headers.get("content-type", [""])
    return answer_shape.of_response(reply.status_code, types if isinstance(types, str) else types[0], reply.text or "")


main()
