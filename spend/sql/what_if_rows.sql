-- The requests of a what-if, narrow, with columns that say which levers are for them.
CREATE OR REPLACE TEMP TABLE what_if_row AS
SELECT u.n, CAST(k.kind AS INTEGER) AS kind, u.part = 0 AS first_part,
       CAST(u.uncached_input_tokens AS INTEGER) AS uncached,
       CAST(u.cache_read_tokens AS INTEGER) AS read,
       CAST(u.cache_write_5m_tokens AS INTEGER) AS write_5m,
       CAST(u.cache_write_1h_tokens AS INTEGER) AS write_1h,
       CAST(u.output_tokens AS INTEGER) AS output,
       CAST(u.web_search_requests AS INTEGER) AS searches,
       0 AS target, 0 AS batch,
       CAST(epoch_us(u.started_at) // 1000 AS BIGINT) AS began,
       {prefix} AS prefix,
       {prefix_tokens} AS prefix_tokens,
       u.cache_read_tokens + u.cache_write_5m_tokens + u.cache_write_1h_tokens > 0 OR {marked} AS cached,
       u.part = 0 AND u.started_at IS NOT NULL AND {prefix} IS NOT NULL AS arrives,
       {mark} AS mark,
       -- an entry can be read from the first token on; unknown: from the end, or two seconds
       CAST(greatest(coalesce(u.time_to_first_token_ms, u.latency_ms, 2000), 1) AS INTEGER) AS wait,
       u.quarter{named}
FROM (
    SELECT rowid AS n, {epoch} AS epoch, part, uncached_input_tokens, cache_read_tokens,
           cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, web_search_requests, prompt_tokens, started_at,
           quarter, time_to_first_token_ms, latency_ms, model, model_logged, provider, region, speed, service_tier,
           inference_geo{asked}
    FROM usage
    WHERE {which}
) u
JOIN what_if_kind k
    ON k.model IS NOT DISTINCT FROM u.model
    AND k.model_logged IS NOT DISTINCT FROM u.model_logged
    AND k.provider IS NOT DISTINCT FROM u.provider
    AND k.region IS NOT DISTINCT FROM u.region
    AND k.speed IS NOT DISTINCT FROM u.speed
    AND k.service_tier IS NOT DISTINCT FROM u.service_tier
    AND k.inference_geo IS NOT DISTINCT FROM u.inference_geo
    AND k.epoch = u.epoch
{prefixes}
