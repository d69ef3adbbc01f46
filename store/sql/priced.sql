-- The rows of `usage`: facts with what is derived from them. The placeholders are the facts' columns, and the cost
-- formula over them.
SELECT {facts},
       CAST(epoch_us(started_at) // 900000000 AS INTEGER) AS quarter,
       model, failed, prompt_tokens,
       uncached_input_cost, cache_read_cost, cache_write_5m_cost, cache_write_1h_cost, output_cost, web_search_cost,
       cost, unpriced_because,
       CASE WHEN part = 0 THEN cost END AS request_cost,
       CASE WHEN part = 0 THEN cost IS NULL END AS request_unpriced
FROM ({costed})
