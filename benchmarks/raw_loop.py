"""The least that has to be done: `python -m benchmarks.raw_loop URL [--as-text]`.

Fetches all pages with requests, parses them with orjson, and writes RECORD lines. Nothing is
checked, typed, counted or remembered; decimals pass through binary floats unless they are asked
for as text.
"""

from __future__ import annotations

import sys

import orjson
import requests

from benchmarks.order_lines import COLUMNS, KEY

__all__ = ["main"]


def main() -> None:
    """Write all rows of the set whose address is the first argument."""
    url = f"{sys.argv[1]}?$select={','.join(COLUMNS)}"
    as_text = ";IEEE754Compatible=true" if "--as-text" in sys.argv else ""
    session, out = requests.Session(), sys.stdout.buffer
    session.headers["Accept"] = f"application/json{as_text}"
    schema = {"type": "object", "properties": {name: {} for name in COLUMNS}}
    announced = {"type": "SCHEMA", "stream": "lines", "schema": schema, "key_properties": KEY}
    out.write(orjson.dumps(announced, option=orjson.OPT_APPEND_NEWLINE))
    while url:
        page = orjson.loads(session.get(url, timeout=60).content)
        lines = (
            orjson.dumps(
                {"type": "RECORD", "stream": "lines", "record": row},
                option=orjson.OPT_APPEND_NEWLINE,
            )
            for row in page["value"]
        )
        if "--joined" in sys.argv:
            out.write(b"".join(lines))  # slower: such memory is asked of the system each time
        else:
            for line in lines:
                out.write(line)
        url = page.get("@odata.nextLink")
    out.flush()


if __name__ == "__main__":
    main()
