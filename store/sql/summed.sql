-- Rows of `usage` summed into a table of sums. The placeholders are that table, its unit of time, its other keys, and
-- which rows, whose old sums are gone already.
INSERT INTO {table} BY NAME
SELECT {unit}, {keys},
       count(*) FILTER (part = 0) AS requests,
       count(*) FILTER (part = 0 AND request_unpriced) AS unpriced_requests,
       count(*) FILTER (part = 0 AND failed = 1) AS failed_requests,
       coalesce(sum(uncached_input_tokens), 0) AS uncached_input_tokens,
       coalesce(sum(cache_read_tokens), 0) AS cache_read_tokens,
       coalesce(sum(cache_write_5m_tokens), 0) AS cache_write_5m_tokens,
       coalesce(sum(cache_write_1h_tokens), 0) AS cache_write_1h_tokens,
       coalesce(sum(output_tokens), 0) AS output_tokens,
       coalesce(sum(reasoning_tokens), 0) AS reasoning_tokens,
       coalesce(sum(prompt_tokens), 0) AS prompt_tokens,
       coalesce(sum(coalesce(prompt_tokens, 0) + coalesce(output_tokens, 0)) FILTER (cost IS NULL), 0)
           AS unpriced_tokens,
       coalesce(sum(web_search_requests), 0) AS web_search_requests,
       coalesce(sum(uncached_input_cost), 0) AS uncached_input_cost,
       coalesce(sum(cache_read_cost), 0) AS cache_read_cost,
       coalesce(sum(cache_write_5m_cost), 0) AS cache_write_5m_cost,
       coalesce(sum(cache_write_1h_cost), 0) AS cache_write_1h_cost,
       coalesce(sum(output_cost), 0) AS output_cost,
       coalesce(sum(web_search_cost), 0) AS web_search_cost,
       coalesce(sum(cost), 0) AS cost,
       max(request_cost) AS dearest
FROM (SELECT {time} AS {unit}, * EXCLUDE (quarter) FROM usage WHERE {rows})
GROUP BY {unit}, {keys}
