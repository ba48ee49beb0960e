"""What two answers must have in common: status, content type and the types of all members; texts, ids and numbers may differ."""
import json


def of_response(status, content_type, text):
    kind = content_type.split(";")[0].strip()
    if kind == "text/event-stream":
        events = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
        body = unique([event if event == "[DONE]" else of_text(event) for event in events])
    else:
        body = of_text(text) if kind == "application/json" else kind
    return {"status": status, "type": kind, "body": body}


def of_text(text):
    try:
        return of_value(json.loads(text))
    except ValueError:
        return "text" if text else "empty"


def of_value(value):
    if isinstance(value, dict):
        return {name: of_value(member) for name, member in sorted(value.items())}
    if isinstance(value, list):
        return unique([of_value(member) for member in value])
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "null" if value is None else "string"


def unique(shapes):
    return sorted({json.dumps(shape, sort_keys=True): shape for shape in shapes}.values(), key=json.dumps)
