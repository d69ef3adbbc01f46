-- Which arrivals read their prefix from the cache (hit = 1), and which write it (hit = 0).
-- {arrivals}: n, chain (model, place and prefix), began and wait in milliseconds: an entry can be read from began + wait.
-- An entry lives for {ttl} after the last request that wrote or read it began; so a gap longer than that begins a life
-- anew with a write, and within a life an arrival reads as soon as any entry before it can be read.
CREATE OR REPLACE TEMP TABLE {table} AS
WITH beside AS (
    SELECT n, chain, began, began + wait AS ready,
           began - lag(began) OVER (PARTITION BY chain ORDER BY began) AS gap,
           lag(began + wait) OVER (PARTITION BY chain ORDER BY began) AS ready_before
    FROM ({arrivals})
),
-- most are told by the one before them
told AS MATERIALIZED (
    SELECT n, chain, began, ready,
           CASE WHEN gap IS NULL OR gap > {ttl} THEN 0 WHEN ready_before <= began THEN 1 END AS hit
    FROM beside
),
-- of a burst: which life it is in, and the first entry of that life that can be read
lives AS (
    SELECT n, chain, began, ready, hit,
           max(CASE WHEN hit = 0 THEN began END)
               OVER (PARTITION BY chain ORDER BY began, hit NULLS LAST ROWS UNBOUNDED PRECEDING) AS life
    FROM told
    WHERE hit IS NULL OR hit = 0
),
burst AS (
    SELECT n, hit, began,
           min(ready) OVER (PARTITION BY chain, life ORDER BY began, hit NULLS LAST
                            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS readable
    FROM lives
)
SELECT n, CAST(1 AS TINYINT) AS hit FROM told WHERE hit = 1
UNION ALL
SELECT n, CAST(CASE WHEN hit = 0 OR readable > began THEN 0 ELSE 1 END AS TINYINT) FROM burst
