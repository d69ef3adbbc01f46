-- What the answered requests of each feature and model look like; {moment} is their local time, {which} who counts.
SELECT feature, model, max(prompt_over) AS edge, count(*) AS requests, sum(cost)::BIGINT AS cost,
       sum(output_cost)::BIGINT AS output_cost,
       quantile_disc(output_tokens, 0.5) AS output_usual, quantile_disc(output_tokens, 0.95) AS output_most,
       quantile_disc(output_tokens, 0.99) AS output_nearly_all,
       quantile_disc(prompt_tokens, 0.5) AS prompt_usual, max(prompt_tokens) AS prompt_longest,
       sum(output_tokens)::BIGINT AS output, coalesce(sum(reasoning_tokens), 0)::BIGINT AS reasoning,
       quantile_disc(max_tokens, 0.5) AS max_tokens,
       count(*) FILTER (stop_reason = 'max_tokens') AS cut_off,
       coalesce(sum(cost) FILTER (stop_reason = 'max_tokens'), 0)::BIGINT AS cut_off_cost,
       count(*) FILTER (stream) AS streamed, count(stream) AS stream_known,
       count(*) FILTER (hour({moment}) >= 22 OR hour({moment}) < 6) AS at_night,
       count(*) FILTER (service_tier = 'batch' OR speed = 'fast') AS no_batch,
       count(*) FILTER (prefixes IS NOT NULL AND cached = 0) AS open_prefixes,
       count(*) FILTER (prefixes IS NOT NULL) AS prefixes,
       sum(cache_read_tokens)::BIGINT AS read, sum(cache_write_5m_tokens)::BIGINT AS written_5m,
       sum(cache_write_1h_tokens)::BIGINT AS written_1h,
       count(*) FILTER (prompt_tokens > prompt_over) AS over_edge
FROM (
    SELECT u.*, e.prompt_over, cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens AS cached
    FROM usage u
    LEFT JOIN (SELECT model, min(prompt_over) AS prompt_over FROM price
               WHERE prompt_over > 0 AND speed = 'standard' GROUP BY model) e USING (model)
    WHERE part = 0 AND cost > 0 AND {which}
)
GROUP BY feature, model
ORDER BY cost DESC, feature, model
