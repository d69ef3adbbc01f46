-- The store: what was loaded, the facts, and what is derived from them.
-- Facts hold only what was metered, as it was metered. Everything called "derived" can be dropped and made again.
-- Times are UTC without a zone. Token classes are disjoint. Money is whole pico-dollars (1e-12 USD). NULL is unknown, never zero.

CREATE TABLE store_info (
    schema_version INTEGER NOT NULL,
    data_version   BIGINT  NOT NULL,   -- raised by every change of facts or prices: the key of every cache
    price_list     VARCHAR             -- fingerprint of the price list the derived tables were priced with
);

-- ── what was loaded ────────────────────────────────────────────────────────────────────────────────────────────────

CREATE SEQUENCE load_ids;
CREATE SEQUENCE file_ids;

CREATE TABLE load (
    load_id   INTEGER PRIMARY KEY,
    loaded_at TIMESTAMP NOT NULL,
    origin    VARCHAR NOT NULL,        -- command line | upload | api | sample
    seconds   DOUBLE
);

CREATE TABLE load_file (
    file_id    INTEGER PRIMARY KEY,
    load_id    INTEGER NOT NULL,
    path       VARCHAR NOT NULL,
    format     VARCHAR,                -- NULL: not recognised
    bytes      BIGINT NOT NULL,
    lines      BIGINT NOT NULL,        -- = requests + duplicates + ignored + rejected; blank lines are not lines
    requests   BIGINT NOT NULL,
    duplicates BIGINT NOT NULL,
    ignored    BIGINT NOT NULL,        -- not a usage record: a transcript's user turn, say
    rejected   BIGINT NOT NULL,
    findings   VARCHAR[] NOT NULL,     -- what the loader noticed and the reader should know, one sentence each

    -- the file as it was found, so that the next load reads only what is new in it; NULL: it is to be read anew
    device         UBIGINT,
    inode          UBIGINT,
    modified_ns    BIGINT,
    changed_ns     BIGINT,
    place          BIGINT,             -- bytes that were whole lines, where each line stands for itself
    place_line     BIGINT,             -- how many lines that were; NULL: not counted
    seal           VARCHAR,            -- digest of both ends of what was read
    read_as        VARCHAR,            -- the options and the code it was read with
    whole_lines    BIGINT,             -- as lines, ignored and rejected above, but of the file from its beginning
    whole_ignored  BIGINT,
    whole_rejected BIGINT
);

CREATE TABLE rejected_line (
    file_id INTEGER NOT NULL,
    line    BIGINT NOT NULL,           -- 1-based; of a value over several lines, its first
    field   VARCHAR,
    found   VARCHAR NOT NULL,          -- shortened, never prompt or answer text
    reason  VARCHAR NOT NULL,
    advice  VARCHAR NOT NULL
);

-- ── facts, and their cost: one row for each billed part of a request ───────────────────────────────────────────────
-- Facts and what is derived from them stand in one row, since writing a row's names and keys twice is what would cost.

CREATE TABLE usage (
    -- ids are random, and packing them takes longer than it saves; what is nearly always the same is told so, since
    -- finding that out for every load takes longer than writing it (docs/decisions/0001)
    request_key            VARCHAR USING COMPRESSION uncompressed,  -- message id, else the log's own id, else request id, else a hash of the line
    key_kind               ENUM ('message', 'request', 'log', 'line') USING COMPRESSION rle,
    part                   SMALLINT USING COMPRESSION rle,  -- 0 is the request itself; advisor, compaction, fallback iterations follow
    part_kind              ENUM ('message', 'advisor', 'compaction', 'fallback', 'declined') USING COMPRESSION rle,
    parts                  SMALLINT USING COMPRESSION rle,  -- how many parts the request has
    file_id                INTEGER USING COMPRESSION rle,
    line                   BIGINT,      -- where it was read one by one; in bulk NULL, and found on demand
    started_at             TIMESTAMP,
    request_id             VARCHAR USING COMPRESSION uncompressed,
    provider               VARCHAR,     -- anthropic | bedrock | vertex | ... as logged; NULL: not logged
    region                 VARCHAR,
    model_logged           VARCHAR,
    feature                VARCHAR,
    user_id                VARCHAR,
    session_id             VARCHAR,
    tags                   VARCHAR,     -- JSON object of strings, keys sorted
    service_tier           VARCHAR,
    speed                  VARCHAR,
    inference_geo          VARCHAR,
    uncached_input_tokens  BIGINT,
    cache_read_tokens      BIGINT,
    cache_write_5m_tokens  BIGINT,
    cache_write_1h_tokens  BIGINT,
    output_tokens          BIGINT,
    reasoning_tokens       BIGINT,      -- inside output_tokens
    web_search_requests    BIGINT USING COMPRESSION rle,
    stop_reason            VARCHAR,
    stop_category          VARCHAR,     -- stop_details.category of a refusal
    max_tokens             BIGINT,
    stream                 BOOLEAN,
    latency_ms             BIGINT,
    time_to_first_token_ms BIGINT,
    status                 SMALLINT USING COMPRESSION rle,  -- HTTP status
    error                  VARCHAR,     -- error type, e.g. overloaded_error
    recorded_cost_picos    BIGINT,      -- the log's own figure: compared, never summed
    prefixes               VARCHAR,     -- JSON: prefix fingerprints, for replaying caching

    -- derived from the facts above and the price list (store/sql/cost.sql); made again when either changes
    quarter                INTEGER USING COMPRESSION rle,  -- quarter-hours since 1970 UTC: every zone's days and hours are whole quarters
    model                  VARCHAR,     -- canonical, else as logged
    failed                 SMALLINT USING COMPRESSION rle,  -- 1: the request failed, and nothing was billed
    prompt_tokens          BIGINT,
    uncached_input_cost    BIGINT,      -- pico-dollars, as every *_cost here
    cache_read_cost        BIGINT,
    cache_write_5m_cost    BIGINT,
    cache_write_1h_cost    BIGINT,
    output_cost            BIGINT,
    web_search_cost        BIGINT USING COMPRESSION rle,
    cost                   BIGINT,      -- NULL: unpriced
    unpriced_because       VARCHAR,     -- unknown_model | no_price_on_date | priority_tier | no_time | ...: store/sql/cost.sql
    request_cost           BIGINT,      -- on part 0: the whole request, all its parts; NULL: some part is unpriced
    request_unpriced       BOOLEAN USING COMPRESSION rle  -- on part 0: some part of the request is unpriced
);

-- rows that lost against a fuller row of the same request; undoing the winner's load brings them back
CREATE TABLE superseded AS
SELECT * EXCLUDE (quarter, model, failed, prompt_tokens, uncached_input_cost, cache_read_cost, cache_write_5m_cost,
                  cache_write_1h_cost, output_cost, web_search_cost, cost, unpriced_because, request_cost,
                  request_unpriced),
       0::INTEGER AS superseded_by_file
FROM usage;

-- how many of a file's lines were already held from another file: what undoing that other file would take away
CREATE TABLE overlap (
    file_id      INTEGER NOT NULL,     -- the later file, whose lines were counted as duplicates
    held_by_file INTEGER NOT NULL,
    requests     BIGINT NOT NULL
);

-- ── settings of this store, kept beside the data (key, JSON value) ─────────────────────────────────────────────────

CREATE TABLE setting (name VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);

-- The place a name took in the order of spend when it first appeared, and keeps: its colour hangs on it.
CREATE TABLE place (
    dimension VARCHAR NOT NULL,        -- feature | model | user
    name      VARCHAR NOT NULL,
    place     INTEGER NOT NULL         -- from 0
);

-- ── derived: prices, as loaded from data/prices/*.toml ─────────────────────────────────────────────────────────────

CREATE TABLE model (
    model                VARCHAR PRIMARY KEY,   -- canonical, e.g. claude-haiku-4-5
    display              VARCHAR NOT NULL,
    context_window       BIGINT,
    max_output_tokens    BIGINT,
    min_cacheable_tokens BIGINT,
    tokenizer            VARCHAR,
    released_on          DATE,
    retired_on           DATE
);

CREATE TABLE price (
    model           VARCHAR NOT NULL,
    speed           VARCHAR NOT NULL,           -- standard | fast
    valid_from      TIMESTAMP NOT NULL,         -- UTC, inclusive
    valid_until     TIMESTAMP NOT NULL,         -- UTC, exclusive; 9999-12-31 when open
    prompt_over     BIGINT NOT NULL,            -- the band: prompt_over < prompt tokens <= prompt_upto; -1 for "from zero"
    prompt_upto     BIGINT NOT NULL,
    uncached_input  BIGINT,                     -- pico-dollars a token; NULL: no such price
    cache_read      BIGINT,
    cache_write_5m  BIGINT,
    cache_write_1h  BIGINT,
    output          BIGINT,
    geo_us_twentieths   SMALLINT NOT NULL,      -- factor for inference_geo "us" in twentieths: 22, or 20 where it does not apply
    regional_twentieths SMALLINT NOT NULL,      -- factor for a regional Bedrock or Vertex endpoint, likewise
    batch_halves        SMALLINT NOT NULL,      -- factor for batch in halves: 1 (half price)
    confidence      VARCHAR NOT NULL,           -- confirmed | likely | uncertain
    source          VARCHAR NOT NULL,
    checked_on      DATE,
    note            VARCHAR
);

CREATE TABLE rule_price (                       -- what is not by the token
    name        VARCHAR NOT NULL,               -- web_search
    valid_from  TIMESTAMP NOT NULL,
    valid_until TIMESTAMP NOT NULL,
    pico_each   BIGINT NOT NULL,
    source      VARCHAR NOT NULL
);

CREATE TABLE refusal_rule (                     -- is a refusal before any output billed?
    valid_from  TIMESTAMP NOT NULL,
    valid_until TIMESTAMP NOT NULL,
    category    VARCHAR,                        -- NULL: any category not named for the period
    billed      BOOLEAN NOT NULL
);

CREATE TABLE model_name (                       -- every model name seen in the logs, resolved
    model_logged VARCHAR NOT NULL,
    provider     VARCHAR,
    region       VARCHAR,
    model        VARCHAR,                       -- NULL: unknown to the price list
    regional     BOOLEAN NOT NULL,              -- the endpoint carries the regional premium
    assumption   VARCHAR                        -- what had to be assumed, in words; NULL: nothing
);

-- ── derived: sums ──────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE rollup (                  -- usage, summed by quarter-hour
    quarter               INTEGER,
    feature               VARCHAR,
    model                 VARCHAR,
    service_tier          VARCHAR,
    requests              BIGINT,
    unpriced_requests     BIGINT,
    failed_requests       BIGINT,
    uncached_input_tokens BIGINT,
    cache_read_tokens     BIGINT,
    cache_write_5m_tokens BIGINT,
    cache_write_1h_tokens BIGINT,
    output_tokens         BIGINT,
    reasoning_tokens      BIGINT,
    prompt_tokens         BIGINT,
    unpriced_tokens       BIGINT,
    web_search_requests   BIGINT,
    uncached_input_cost   HUGEINT,
    cache_read_cost       HUGEINT,
    cache_write_5m_cost   HUGEINT,
    cache_write_1h_cost   HUGEINT,
    output_cost           HUGEINT,
    web_search_cost       HUGEINT,
    cost                  HUGEINT,     -- of what is priced; unpriced_requests says how much is missing
    dearest               BIGINT       -- cost of the dearest request; NULL: none is priced
);

-- the same sums of whole hours and UTC days, and those by user of UTC days and of blocks of 32; each from the one before
CREATE TABLE rollup_hour AS SELECT quarter AS hour, * EXCLUDE (quarter) FROM rollup;
CREATE TABLE rollup_day AS SELECT quarter AS day, * EXCLUDE (quarter) FROM rollup;
CREATE TABLE user_day AS
SELECT quarter AS day, feature AS user_id, * EXCLUDE (quarter, feature, model, service_tier) FROM rollup;
CREATE TABLE user_block AS SELECT day AS block, * EXCLUDE (day) FROM user_day;
