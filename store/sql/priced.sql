-- Priced rows: what every question about spend is asked of. The placeholder "costed" is the cost formula over them.
INSERT INTO priced BY NAME
SELECT request_key, part, file_id, started_at,
       CAST(epoch_us(started_at) // 900000000 AS INTEGER) AS quarter,
       feature, model, user_id, session_id, tags, service_tier, stop_reason, status, failed, latency_ms,
       uncached_input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
       output_tokens, reasoning_tokens, prompt_tokens, web_search_requests,
       uncached_input_cost, cache_read_cost, cache_write_5m_cost, cache_write_1h_cost, output_cost, web_search_cost,
       cost, unpriced_because,
       CASE WHEN part = 0 THEN cost END AS request_cost,
       CASE WHEN part = 0 THEN cost IS NULL END AS request_unpriced
FROM ({costed})
