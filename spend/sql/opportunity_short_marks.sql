-- Requests that mark a prefix for caching and have nothing cached, since it is shorter than their model caches.
SELECT feature, model, count(*) AS requests, max(CAST(share * prompt_tokens AS BIGINT)) AS longest, any_value(minimum) AS minimum
FROM (
    SELECT u.feature, u.model, u.prompt_tokens, m.min_cacheable_tokens AS minimum,
           (SELECT max(one.share) FROM unnest(from_json(u.prefixes, '[{"share":"DECIMAL(12,6)","cached":"BOOLEAN"}]')) AS t(one)
            WHERE one.cached) AS share
    FROM usage u
    JOIN model m USING (model)
    WHERE part = 0 AND cost > 0 AND prefixes LIKE '%true%' AND {which}
        AND cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens = 0
)
WHERE share * prompt_tokens < minimum
GROUP BY feature, model
