-- A number for the facts that a scenario is computed from, whatever order they stand in.
SELECT count(*) AS parts,
       coalesce(sum(CAST('0x' || substr(md5(concat_ws('|', request_key, part, started_at, model_logged, feature, user_id,
           session_id, service_tier, speed, inference_geo, uncached_input_tokens, cache_read_tokens, cache_write_5m_tokens,
           cache_write_1h_tokens, output_tokens, web_search_requests, prefixes, provider, region, tags, stop_reason,
           time_to_first_token_ms, latency_ms)), 1, 12) AS BIGINT)), 0)::HUGEINT AS digest
FROM usage
WHERE {which}
