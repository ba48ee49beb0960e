"""Makes of a made-up body one that an engine takes: its own words and options, in shapes and ranges that are served.

schemathesis follows the document, and the document allows far more than an engine does: of made-up bodies hardly one is
answered with 200.
"""

TEXT_LETTERS = 40
TOKENS = 24
VOCABULARY = 256


def number(low, high):
    def fit(value):
        fits = isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high
        return value if fits else None

    return fit


def whole(low, high):
    def fit(value):
        return min(max(value, low), high) if isinstance(value, int) and not isinstance(value, bool) else None

    return fit


def flag(value):
    return value if isinstance(value, bool) else None


def word(value):
    return value[:TEXT_LETTERS] if isinstance(value, str) and value else None


SAMPLING = {"temperature": number(0, 2), "top_p": number(0.01, 1), "stream": flag, "user": word}
PENALTIES = {"presence_penalty": number(-2, 2), "frequency_penalty": number(-2, 2), "n": whole(1, 3)}
ENGINE = {"top_k": whole(0, 50), "min_p": number(0, 1), "ignore_eos": flag, "return_token_ids": flag, "skip_special_tokens": flag}

OPTIONS = {
    "/v1/completions": {**SAMPLING, **PENALTIES, **ENGINE, "echo": flag, "logprobs": whole(0, 3), "max_tokens": whole(1, 8)},
    "/v1/chat/completions": {**SAMPLING, **PENALTIES, **ENGINE, "logprobs": flag, "max_completion_tokens": whole(1, 8)},
    "/v1/responses": {**SAMPLING, "instructions": word, "max_output_tokens": whole(4, 8)},
    "/v1/messages": {"temperature": number(0, 1), "top_p": number(0.01, 1), "top_k": whole(1, 50), "stream": flag, "system": word},
}


def fit_body(path, body, model):
    """None where the path is not one that generates."""
    if path not in OPTIONS or not isinstance(body, dict):
        return None
    fitted = {"model": model, "seed": 7} if path.endswith("completions") else {"model": model}
    for name, fit in OPTIONS[path].items():
        value = fit(body.get(name))
        if value is not None:
            fitted[name] = value
    if not any(name.startswith("max_") for name in fitted):
        fitted["max_output_tokens" if path == "/v1/responses" else "max_tokens"] = 6
    words = [text for text in texts_in(body) if text.strip()] or ["Rivers"]
    if path == "/v1/completions":
        fitted["prompt"] = fit_prompt(body.get("prompt"), words)
    elif path == "/v1/responses":
        fitted["input"] = words[0]
    else:
        fitted["messages"] = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(odd(words[:5]))]
    return fitted


def fit_prompt(prompt, words):
    if isinstance(prompt, list) and prompt and all(isinstance(token, int) for token in prompt):
        return [abs(token) % VOCABULARY for token in prompt[:TOKENS]]
    return words[:2] if isinstance(prompt, list) and len(words) > 1 else words[0]


def odd(words):
    """So that the user has the last word."""
    return words if len(words) % 2 == 1 else words[:-1]


def texts_in(value):
    if isinstance(value, str):
        return [value[:TEXT_LETTERS]]
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for member in members for text in texts_in(member)]
