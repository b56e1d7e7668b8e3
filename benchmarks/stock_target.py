"""A target with the SDK's defaults that throws its rows away: `--config FILE < LINES`."""

from __future__ import annotations

from typing import Any, ClassVar

from singer_sdk import BatchSink, Target
from typing_extensions import override

__all__ = ["StockTarget"]


class _Nothing(BatchSink):
    """Batches of 10,000 rows that go nowhere."""

    max_size = 10_000

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        context["records"].clear()


class StockTarget(Target):
    """The least that a target of the SDK does."""

    name = "target-stock"
    config_jsonschema: ClassVar[dict[str, Any]] = {"type": "object", "properties": {}}
    default_sink_class = _Nothing


if __name__ == "__main__":
    StockTarget.cli()
