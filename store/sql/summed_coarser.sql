-- Sums of a finer table summed into a coarser one. The placeholders are the coarser table, its unit of time, its other
-- keys, the finer table, and which of its rows; the coarser table's old sums are gone already.
INSERT INTO {table} BY NAME
SELECT {unit}, {keys},
       sum(requests) AS requests,
       sum(unpriced_requests) AS unpriced_requests,
       sum(failed_requests) AS failed_requests,
       sum(uncached_input_tokens) AS uncached_input_tokens,
       sum(cache_read_tokens) AS cache_read_tokens,
       sum(cache_write_5m_tokens) AS cache_write_5m_tokens,
       sum(cache_write_1h_tokens) AS cache_write_1h_tokens,
       sum(output_tokens) AS output_tokens,
       sum(reasoning_tokens) AS reasoning_tokens,
       sum(prompt_tokens) AS prompt_tokens,
       sum(unpriced_tokens) AS unpriced_tokens,
       sum(web_search_requests) AS web_search_requests,
       sum(uncached_input_cost) AS uncached_input_cost,
       sum(cache_read_cost) AS cache_read_cost,
       sum(cache_write_5m_cost) AS cache_write_5m_cost,
       sum(cache_write_1h_cost) AS cache_write_1h_cost,
       sum(output_cost) AS output_cost,
       sum(web_search_cost) AS web_search_cost,
       sum(cost) AS cost,
       max(dearest) AS dearest
FROM (SELECT {time} AS {unit}, * EXCLUDE ({finer_unit}) FROM {finer} WHERE {rows})
GROUP BY {unit}, {keys}
