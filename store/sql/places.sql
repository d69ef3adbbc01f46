-- New names take the places after the last one taken, dearest first; the placeholders are a dimension, its column, a
-- table that has it and costs, and a condition for the rows just priced.
INSERT INTO place
SELECT '{dimension}', name, taken + row_number() OVER (ORDER BY cost DESC, name) - 1
FROM (SELECT {column} AS name, coalesce(sum(cost), 0) AS cost FROM {table} WHERE {column} IS NOT NULL AND {of} GROUP BY {column})
CROSS JOIN (SELECT coalesce(max(place) + 1, 0) AS taken FROM place WHERE dimension = '{dimension}')
WHERE name NOT IN (SELECT name FROM place WHERE dimension = '{dimension}')
