-- How long cached prefixes stayed unused, start to start, by feature: within 5 minutes, within an hour, longer.
-- A miss is a five-minute write after a gap in which an entry of an hour would have lived.
SELECT feature,
       count(*) FILTER (gap <= 300000) AS quick,
       count(*) FILTER (gap > 300000 AND gap <= 3600000) AS slow,
       count(*) FILTER (gap > 3600000) AS lapsed,
       count(*) FILTER (gap > 300000 AND gap <= 3600000 AND write_5m > 0) AS misses,
       coalesce(sum(write_5m) FILTER (gap > 300000 AND gap <= 3600000), 0)::BIGINT AS missed_tokens
FROM (
    SELECT u.feature, r.write_5m,
           r.began - lag(r.began) OVER (PARTITION BY k.model, k.provider, k.region, r.prefix ORDER BY r.began) AS gap
    FROM what_if_row r
    JOIN what_if_kind k ON k.kind = r.kind
    JOIN usage u ON u.rowid = r.n
    WHERE r.prefix IS NOT NULL AND r.read + r.write_5m + r.write_1h > 0
) AS used
GROUP BY feature
