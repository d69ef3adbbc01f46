-- Tokens of prefixes that the replay of caching would read (hit = 1) or write, by feature, fingerprint and price.
SELECT u.feature, substr(p.hash, 1, 8) AS fingerprint, r.kind, r.{band} AS band, e.hit,
       count(*) AS requests, sum(least(r.prefix_tokens, u.prompt_tokens))::BIGINT AS tokens
FROM ({relation}) r
JOIN what_if_even e ON e.n = r.n
JOIN what_if_prefix_name p ON p.prefix = r.prefix
JOIN usage u ON u.rowid = r.n
GROUP BY ALL
