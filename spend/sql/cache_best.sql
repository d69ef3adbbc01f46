-- For each cache the cheapest of 5 minutes, 1 hour and no marks, in pico-dollars, and what then comes of its requests.
-- {arrivals}: n, chain, tokens, kind, target, band. {five}, {hour}: n, hit. {rates}: what a token costs by class.
CREATE OR REPLACE TEMP TABLE {table} AS
WITH paid AS (
    SELECT a.n, a.chain, f.hit AS five, h.hit AS hour,
           CAST(a.tokens AS HUGEINT) * r.uncached AS plain_cost,
           CAST(a.tokens AS HUGEINT) * CASE WHEN f.hit = 1 THEN r.read ELSE r.write_5m END AS five_cost,
           CAST(a.tokens AS HUGEINT) * CASE WHEN h.hit = 1 THEN r.read ELSE r.write_1h END AS hour_cost
    FROM ({arrivals}) a
    JOIN {five} f ON f.n = a.n
    JOIN {hour} h ON h.n = a.n
    JOIN {rates} r ON r.kind = a.kind AND r.target = a.target AND r.band = a.band
),
best AS (
    SELECT chain,
           CASE WHEN least(sum(five_cost), sum(hour_cost)) >= sum(plain_cost) THEN 0
                WHEN sum(five_cost) <= sum(hour_cost) THEN 5
                ELSE 60 END AS minutes
    FROM paid
    GROUP BY chain
)
SELECT n, CASE WHEN minutes = 5 THEN CASE WHEN five = 1 THEN {read} ELSE {wrote_5m} END
               ELSE CASE WHEN hour = 1 THEN {read} ELSE {wrote_1h} END END AS outcome_{table}
FROM paid JOIN best USING (chain)
WHERE minutes > 0
