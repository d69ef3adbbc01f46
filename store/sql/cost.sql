-- THE cost formula: usage rows in, the same rows with their cost out, in whole pico-dollars.
-- The placeholder "usage" is a relation of facts (store/facts.py). Portable: integers, CASE, equality and range joins only.
-- The band is chosen by the whole prompt of the part and moves every token of it, output included.
-- Rates are such that every factor leaves them whole (store/price_checks.py), so the division loses nothing.
-- A cost is NULL when anything it needs is unknown; `unpriced_because` says what.
WITH metered AS (
    SELECT u.*,
           n.model AS known_model,
           coalesce(n.model, u.model_logged) AS model,
           coalesce(n.regional, false) AS regional,
           n.assumption AS assumption,
           u.uncached_input_tokens + u.cache_read_tokens + u.cache_write_5m_tokens + u.cache_write_1h_tokens
               AS prompt_tokens,
           CASE WHEN u.web_search_requests > 0 THEN 'web_search' END AS search_rule,
           -- nothing was generated: the refusal rules of that day say whether it is billed
           CASE WHEN u.output_tokens = 0 AND (u.stop_reason = 'refusal' AND u.part = 0 OR u.part_kind = 'declined')
                THEN 1 END AS refused,
           CASE WHEN u.status >= 400 AND coalesce(u.output_tokens, 0) = 0 THEN 1
                WHEN u.error IS NOT NULL AND u.uncached_input_tokens = 0 AND u.output_tokens = 0 THEN 1
                ELSE 0 END AS failed
    FROM {usage} u
    LEFT JOIN model_name n
        ON n.model_logged = u.model_logged
        AND n.provider IS NOT DISTINCT FROM u.provider
        AND n.region IS NOT DISTINCT FROM u.region
),
matched AS (
    SELECT m.*,
           p.model AS priced_model,
           p.uncached_input AS uncached_input_rate,
           p.cache_read AS cache_read_rate,
           p.cache_write_5m AS cache_write_5m_rate,
           p.cache_write_1h AS cache_write_1h_rate,
           p.output AS output_rate,
           p.batch_halves, p.geo_us_twentieths, p.regional_twentieths,
           p.valid_from AS price_valid_from, p.source AS price_source, p.confidence AS price_confidence,
           p.note AS price_note,
           w.pico_each AS web_search_rate,
           -- the factors in one: halves for batch times twentieths for geography, over 40
           CASE WHEN m.service_tier = 'batch' THEN p.batch_halves ELSE 2 END
               * CASE WHEN m.inference_geo = 'us' THEN p.geo_us_twentieths
                      WHEN m.regional THEN p.regional_twentieths
                      ELSE 20 END AS fortieths,
           CASE WHEN m.failed = 1 THEN 1
                WHEN m.refused = 1 AND NOT coalesce(named.billed, unnamed.billed) THEN 1
                ELSE 0 END AS free,
           -- a declined attempt whose category is not in the log, on a day when the category decides
           CASE WHEN m.part_kind = 'declined' AND m.refused = 1 AND m.stop_category IS NULL AND unnamed.by_category
                THEN 1 ELSE 0 END AS category_missing
    FROM metered m
    LEFT JOIN price p
        ON p.model = m.model AND p.speed = coalesce(m.speed, 'standard')
        AND m.started_at >= p.valid_from AND m.started_at < p.valid_until
        AND m.prompt_tokens > p.prompt_over AND m.prompt_tokens <= p.prompt_upto
    LEFT JOIN rule_price w
        ON w.name = m.search_rule AND m.started_at >= w.valid_from AND m.started_at < w.valid_until
    LEFT JOIN (SELECT *, 1 AS refused FROM refusal_rule WHERE category IS NOT NULL) named
        ON named.refused = m.refused AND named.category = m.stop_category
        AND m.started_at >= named.valid_from AND m.started_at < named.valid_until
    LEFT JOIN (SELECT r.valid_from, r.valid_until, r.billed, 1 AS refused, max(CASE WHEN c.billed <> r.billed THEN 1
                      ELSE 0 END) = 1 AS by_category
               FROM refusal_rule r
               LEFT JOIN refusal_rule c
                   ON c.category IS NOT NULL AND c.valid_from < r.valid_until AND r.valid_from < c.valid_until
               WHERE r.category IS NULL
               GROUP BY r.valid_from, r.valid_until, r.billed) unnamed
        ON unnamed.refused = m.refused
        AND m.started_at >= unnamed.valid_from AND m.started_at < unnamed.valid_until
),
checked AS (
    SELECT *,
           CASE WHEN free = 1 AND category_missing = 0 THEN NULL
                WHEN uncached_input_tokens IS NULL OR output_tokens IS NULL THEN 'no_tokens'
                WHEN started_at IS NULL THEN 'no_time'
                WHEN service_tier LIKE 'priority%' THEN 'priority_tier'
                WHEN service_tier NOT IN ('standard', 'batch') THEN 'unknown_tier'
                WHEN speed NOT IN ('standard', 'fast') THEN 'unknown_speed'
                WHEN inference_geo NOT IN ('global', 'us') THEN 'unknown_geo'
                WHEN known_model IS NULL THEN 'unknown_model'
                WHEN category_missing = 1 THEN 'no_refusal_category'
                WHEN priced_model IS NULL THEN 'no_price_on_date'
                WHEN uncached_input_tokens > 0 AND uncached_input_rate IS NULL
                    OR output_tokens > 0 AND output_rate IS NULL
                    OR cache_read_tokens > 0 AND cache_read_rate IS NULL
                    OR cache_write_5m_tokens > 0 AND cache_write_5m_rate IS NULL
                    OR cache_write_1h_tokens > 0 AND cache_write_1h_rate IS NULL THEN 'no_class_price'
                WHEN web_search_requests > 0 AND web_search_rate IS NULL THEN 'no_search_price'
           END AS unpriced_because
    FROM matched
),
costed AS (
    SELECT *,
           CASE WHEN unpriced_because IS NOT NULL THEN NULL WHEN free = 1 OR uncached_input_tokens = 0 THEN 0
                ELSE uncached_input_tokens * (uncached_input_rate * fortieths // 40) END AS uncached_input_cost,
           CASE WHEN unpriced_because IS NOT NULL THEN NULL WHEN free = 1 OR cache_read_tokens = 0 THEN 0
                ELSE cache_read_tokens * (cache_read_rate * fortieths // 40) END AS cache_read_cost,
           CASE WHEN unpriced_because IS NOT NULL THEN NULL WHEN free = 1 OR cache_write_5m_tokens = 0 THEN 0
                ELSE cache_write_5m_tokens * (cache_write_5m_rate * fortieths // 40) END AS cache_write_5m_cost,
           CASE WHEN unpriced_because IS NOT NULL THEN NULL WHEN free = 1 OR cache_write_1h_tokens = 0 THEN 0
                ELSE cache_write_1h_tokens * (cache_write_1h_rate * fortieths // 40) END AS cache_write_1h_cost,
           CASE WHEN unpriced_because IS NOT NULL THEN NULL WHEN free = 1 OR output_tokens = 0 THEN 0
                ELSE output_tokens * (output_rate * fortieths // 40) END AS output_cost,
           CASE WHEN unpriced_because IS NOT NULL THEN NULL WHEN web_search_requests = 0 OR failed = 1 THEN 0
                ELSE web_search_requests * web_search_rate END AS web_search_cost
    FROM checked
)
SELECT *,
       uncached_input_cost + cache_read_cost + cache_write_5m_cost + cache_write_1h_cost + output_cost
           + web_search_cost AS cost
FROM costed
