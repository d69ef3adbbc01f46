"""A name keeps its place, and with it its colour."""

from __future__ import annotations

from pathlib import Path

from ingest.load import load
from ingest.undo import undo
from spend.places import places
from store.connection import PRICES, open_store
from store.prices import read_price_lists
from tests.factories import usage_record, write_log


def test_names_take_places_by_spend_and_keep_them_whatever_comes(tmp_path: Path) -> None:
    def log(name: str, **output: int) -> Path:
        records = [
            usage_record(
                message_id=f"{name}-{feature}", feature=feature, usage={"input_tokens": 1, "output_tokens": out}
            )
            for feature, out in output.items()
        ]
        return write_log(tmp_path / f"{name}.jsonl", records)

    with open_store(":memory:") as store:
        con = store.cursor()
        load(store, [log("first", small=10, large=500)])
        assert places(con, "feature", limit=9) == ["large", "small"]
        second = load(store, [log("second", huge=9000, middle=100)])
        assert places(con, "feature", limit=9) == ["large", "small", "huge", "middle"]
        store.reprice(read_price_lists(PRICES))
        undo(store, second.load_id)
        assert places(con, "feature", limit=9) == ["large", "small", "huge", "middle"]
        assert places(con, "feature", limit=2) == ["large", "small"]
        assert len(places(con, "model", limit=9)) == 1
