-- Requests without a fingerprint of their prefix, each with the cache that an assumed prefix would share.
-- {sharing} are columns of `usage` that have to be equal; {waits}: when an entry can be read.
SELECT r.n, dense_rank() OVER (ORDER BY k.model, k.provider, k.region, u.feature{sharing}) AS chain, r.began,
       {waits} AS wait, u.feature, k.model, r.kind, r.{band} AS band,
       (r.uncached * {numerator} + {denominator} // 2) // {denominator} AS tokens
FROM ({relation}) r
JOIN what_if_kind k ON k.kind = r.kind
JOIN usage u ON u.rowid = r.n
WHERE r.first_part AND NOT r.cached AND r.prefix IS NULL AND r.began IS NOT NULL
    AND (r.uncached * {numerator} + {denominator} // 2) // {denominator} >= r.min_prefix_0
