"""Stores of earlier shapes, brought to the present one: a step from each shape to the next."""

from __future__ import annotations

from duckdb import DuckDBPyConnection

SCHEMA_VERSION = 4

# Requests' costs move into the rows of their facts; files are known by how they were found. What is derived is left
# empty: taking the price list away has it made again when the store is opened.
_TO_2 = """
DROP TABLE priced;
ALTER TABLE usage ADD COLUMN quarter INTEGER;
ALTER TABLE usage ADD COLUMN model VARCHAR;
ALTER TABLE usage ADD COLUMN failed SMALLINT;
ALTER TABLE usage ADD COLUMN prompt_tokens BIGINT;
ALTER TABLE usage ADD COLUMN uncached_input_cost BIGINT;
ALTER TABLE usage ADD COLUMN cache_read_cost BIGINT;
ALTER TABLE usage ADD COLUMN cache_write_5m_cost BIGINT;
ALTER TABLE usage ADD COLUMN cache_write_1h_cost BIGINT;
ALTER TABLE usage ADD COLUMN output_cost BIGINT;
ALTER TABLE usage ADD COLUMN web_search_cost BIGINT;
ALTER TABLE usage ADD COLUMN cost BIGINT;
ALTER TABLE usage ADD COLUMN unpriced_because VARCHAR;
ALTER TABLE usage ADD COLUMN request_cost BIGINT;
ALTER TABLE usage ADD COLUMN request_unpriced BOOLEAN;
ALTER TABLE load_file ADD COLUMN device UBIGINT;
ALTER TABLE load_file ADD COLUMN inode UBIGINT;
ALTER TABLE load_file ADD COLUMN modified_ns BIGINT;
ALTER TABLE load_file ADD COLUMN changed_ns BIGINT;
ALTER TABLE load_file ADD COLUMN place BIGINT;
ALTER TABLE load_file ADD COLUMN place_line BIGINT;
ALTER TABLE load_file ADD COLUMN seal VARCHAR;
ALTER TABLE load_file ADD COLUMN read_as VARCHAR;
ALTER TABLE load_file ADD COLUMN whole_lines BIGINT;
ALTER TABLE load_file ADD COLUMN whole_ignored BIGINT;
ALTER TABLE load_file ADD COLUMN whole_rejected BIGINT;
"""
# Sums by hour, day and user, beside those by quarter-hour.
_TO_3 = """
ALTER TABLE rollup ADD COLUMN dearest BIGINT;
CREATE TABLE rollup_hour AS SELECT quarter AS hour, * EXCLUDE (quarter) FROM rollup LIMIT 0;
CREATE TABLE rollup_day AS SELECT quarter AS day, * EXCLUDE (quarter) FROM rollup LIMIT 0;
CREATE TABLE user_day AS
SELECT quarter AS day, feature AS user_id, * EXCLUDE (quarter, feature, model, service_tier) FROM rollup LIMIT 0;
CREATE TABLE user_block AS SELECT day AS block, * EXCLUDE (day) FROM user_day;
"""
# What has few values is written as their numbers.
_TO_4 = """
ALTER TABLE usage ALTER key_kind TYPE ENUM ('message', 'request', 'log', 'line');
ALTER TABLE usage ALTER part_kind TYPE ENUM ('message', 'advisor', 'compaction', 'fallback', 'declined');
ALTER TABLE superseded ALTER key_kind TYPE ENUM ('message', 'request', 'log', 'line');
ALTER TABLE superseded ALTER part_kind TYPE ENUM ('message', 'advisor', 'compaction', 'fallback', 'declined');
"""
# the shape a step starts from -> the step
STEPS = {1: _TO_2, 2: _TO_3, 3: _TO_4}


def migrate(con: DuckDBPyConnection, version: int) -> None:
    """Brings a store of an older shape to the present one, in one transaction: it is as before, or done."""
    con.execute("BEGIN")
    try:
        for step in range(version, SCHEMA_VERSION):
            con.execute(STEPS[step])
        con.execute("UPDATE store_info SET schema_version = ?, price_list = NULL", [SCHEMA_VERSION])
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
