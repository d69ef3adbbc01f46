-- One fingerprint for each request: the longest that another request has too, else the longest.
CREATE OR REPLACE TEMP TABLE what_if_prefix AS
WITH listed AS (
    SELECT rowid AS n,
           from_json(prefixes, '[{"hash":"VARCHAR","share":"DECIMAL(12,6)","cached":"BOOLEAN"}]') AS fingerprints
    FROM usage
    WHERE {which} AND part = 0 AND prefixes IS NOT NULL
),
fingerprint AS (
    SELECT n, one.hash AS hash, CAST(one.share * 1000000 AS INTEGER) AS millionths, coalesce(one.cached, false) AS marked
    FROM (SELECT n, unnest(fingerprints) AS one FROM listed)
),
numbered AS (
    SELECT hash, row_number() OVER () AS prefix, CASE WHEN count(*) > 1 THEN 2000000 ELSE 0 END AS shared
    FROM fingerprint
    GROUP BY hash
)
SELECT n, arg_max(prefix, shared + millionths) AS prefix, arg_max(millionths, shared + millionths) AS millionths,
       arg_max(hash, shared + millionths) AS hash,
       bool_or(marked) AS marked
FROM fingerprint JOIN numbered USING (hash)
GROUP BY n
