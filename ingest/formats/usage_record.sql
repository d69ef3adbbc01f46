-- Usage records in bulk: one typed pass over JSON lines into the columns of `usage`.
-- Takes only what it is sure of. A line that is odd in any way (other types, other spellings, several parts, a failed
-- request, no id) comes out with no request_key and is read again, alone, by the reader beside this file: the two
-- give equal rows for every line this one takes.
SELECT
    CASE WHEN
        coalesce(message_id, request_id) IS NOT NULL AND model IS NOT NULL AND input IS NOT NULL AND output IS NOT NULL
        AND "time" LIKE '____-__-__T__:__:__%Z' AND NOT contains("time", ' ') AND NOT contains("time", 'T24')
        AND started_at >= TIMESTAMP '2022-01-01' AND started_at < TIMESTAMP '2100-01-01'
        -- numbers: whole, not negative, not absurd, and numbers at all (any other text came out NULL)
        AND is_whole(usage.input_tokens, input) AND is_whole(usage.output_tokens, output)
        AND is_whole(usage.cache_read_input_tokens, read)
        AND is_whole(usage.cache_creation_input_tokens, written)
        AND is_whole(usage.cache_creation.ephemeral_5m_input_tokens, written_5m)
        AND is_whole(usage.cache_creation.ephemeral_1h_input_tokens, written_1h)
        AND is_whole(usage.output_tokens_details.thinking_tokens, thinking)
        AND is_whole(usage.server_tool_use.web_search_requests, searches)
        AND is_whole(max_tokens, most) AND is_whole(latency_ms, latency) AND is_whole(time_to_first_token_ms, first)
        AND is_whole(status, code)
        -- the parts of a whole
        AND (usage.cache_creation IS NULL
             OR coalesce(written, 0) = coalesce(written_5m, 0)::BIGINT + coalesce(written_1h, 0))
        AND coalesce(thinking, 0) <= output
        -- objects where objects belong: anything else, an empty one too, came out as one of NULLs
        AND (usage.cache_creation IS NULL OR coalesce(written_5m, written_1h) IS NOT NULL)
        AND (usage.output_tokens_details IS NULL OR thinking IS NOT NULL)
        AND (usage.server_tool_use IS NULL OR searches IS NOT NULL)
        AND (stop_details IS NULL OR stop_details.category IS NOT NULL)
        -- one part, not failed
        AND usage.iterations IS NULL AND error IS NULL AND coalesce(code, 200) BETWEEN 200 AND 399
        -- texts: texts indeed, neither empty nor endless
        AND is_text(message_id) AND is_text(request_id) AND is_text(model) AND is_text(provider) AND is_text(region)
        AND is_text(feature) AND is_text("user") AND is_text(session) AND is_text(stop_reason)
        AND is_text(stop_details.category)
        AND is_text(usage.service_tier) AND is_text(usage.speed)
        AND (usage.inference_geo = '' OR is_text(usage.inference_geo))
        AND (stream IS NULL OR stream::VARCHAR IN ('true', 'false'))
        AND (tags IS NULL OR tags::VARCHAR = '{}' OR are_tags(tags::VARCHAR))
        AND (prefixes IS NULL OR are_prefixes(prefixes::VARCHAR))
    THEN coalesce(message_id, request_id) END AS request_key,
    CASE WHEN message_id IS NULL THEN 'request' ELSE 'message' END AS key_kind,
    0 AS part,
    'message' AS part_kind,
    1 AS parts,
    $file_id AS file_id,
    NULL AS line,
    started_at, request_id, provider, region,
    model AS model_logged,
    feature,
    "user" AS user_id,
    session AS session_id,
    in_order(nullif(tags::VARCHAR, '{}')) AS tags,
    usage.service_tier AS service_tier,
    usage.speed AS speed,
    CASE WHEN usage.inference_geo NOT IN ('not_available', '') THEN usage.inference_geo END AS inference_geo,
    input AS uncached_input_tokens,
    coalesce(read, 0) AS cache_read_tokens,
    coalesce(written, 0)::BIGINT - coalesce(written_1h, 0) AS cache_write_5m_tokens,
    coalesce(written_1h, 0) AS cache_write_1h_tokens,
    output AS output_tokens,
    thinking AS reasoning_tokens,
    coalesce(searches, 0) AS web_search_requests,
    stop_reason,
    stop_details.category AS stop_category,
    most AS max_tokens,
    try_cast(stream::VARCHAR AS BOOLEAN) AS stream,
    latency AS latency_ms,
    first AS time_to_first_token_ms,
    try_cast(code AS SMALLINT) AS status,
    NULL AS error,
    NULL AS recorded_cost_picos,
    nullif(prefixes::VARCHAR, '[]') AS prefixes
FROM (
    SELECT *,
           try_cast("time" AS TIMESTAMP) AS started_at,
           number(usage.input_tokens) AS input,
           number(usage.output_tokens) AS output,
           number(usage.cache_read_input_tokens) AS read,
           number(usage.cache_creation_input_tokens) AS written,
           number(usage.cache_creation.ephemeral_5m_input_tokens) AS written_5m,
           number(usage.cache_creation.ephemeral_1h_input_tokens) AS written_1h,
           number(usage.output_tokens_details.thinking_tokens) AS thinking,
           number(usage.server_tool_use.web_search_requests) AS searches,
           number(max_tokens) AS most,
           number(latency_ms) AS latency,
           number(time_to_first_token_ms) AS first,
           number(status) AS code
    FROM read_json($path, format = 'newline_delimited', ignore_errors = true, columns = {
        "time": 'VARCHAR', request_id: 'VARCHAR', message_id: 'VARCHAR', model: 'VARCHAR', provider: 'VARCHAR',
        region: 'VARCHAR', feature: 'VARCHAR', "user": 'VARCHAR', session: 'VARCHAR', tags: 'JSON',
        usage: 'STRUCT(input_tokens JSON, output_tokens JSON, cache_creation_input_tokens JSON,
                cache_read_input_tokens JSON,
                cache_creation STRUCT(ephemeral_5m_input_tokens JSON, ephemeral_1h_input_tokens JSON),
                output_tokens_details STRUCT(thinking_tokens JSON),
                server_tool_use STRUCT(web_search_requests JSON),
                service_tier VARCHAR, speed VARCHAR, inference_geo VARCHAR, iterations JSON)',
        stop_reason: 'VARCHAR', stop_details: 'STRUCT(category VARCHAR)', max_tokens: 'JSON', stream: 'JSON',
        latency_ms: 'JSON', time_to_first_token_ms: 'JSON', status: 'JSON', error: 'JSON', prefixes: 'JSON'})
)
