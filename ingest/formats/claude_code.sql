-- Lines of transcripts in bulk: what each of them is, and the facts of those that are messages with their usage.
-- The placeholder "lines" is a relation (file_id, project, line). A line that is odd in any way is "unsure": its file is
-- read by the reader beside this one, which gives equal rows for every line this one takes. A line without the word
-- "usage" cannot be a usage record and is not looked into; a null in a quoted row is as if it were left out.
WITH told AS (
    SELECT file_id, project, starts_with(line, '{') AND ends_with(line, '}') AS is_whole_line,
           contains(line, '"usage"') AS is_told, line,
           CASE WHEN contains(line, '"usage"') THEN TRY(json_extract_string(line, [
               '$.type', '$.timestamp', '$.requestId', '$.sessionId', '$.cwd', '$.gitBranch', '$.agentId',
               '$.isSidechain', '$.version', '$.costUSD', '$.message.id', '$.message.model', '$.message.stop_reason',
               '$.message.stop_details', '$.message.usage', '$.message.usage.service_tier', '$.message.usage.speed',
               '$.message.usage.inference_geo'])) END AS own
    FROM {lines}
    WHERE strlen(line) > 64 OR trim(line, E' \t\r\n\v\f') <> ''
),
-- the row itself, or the one that the progress of a subagent quotes, which leaves out what its own row says
quoted AS (
    SELECT * EXCLUDE (line),
           CASE WHEN own[1] IN ('progress', 'agent_progress') THEN TRY(json_extract_string(line, [
               '$.data.message.type', '$.data.message.timestamp', '$.data.message.requestId',
               '$.data.message.sessionId', '$.data.message.cwd', '$.data.message.gitBranch', '$.data.message.agentId',
               '$.data.message.isSidechain', '$.data.message.version', '$.data.message.costUSD',
               '$.data.message.message.id', '$.data.message.message.model', '$.data.message.message.stop_reason',
               '$.data.message.message.stop_details', '$.data.message.message.usage',
               '$.data.message.message.usage.service_tier', '$.data.message.message.usage.speed',
               '$.data.message.message.usage.inference_geo'])) END AS theirs
    FROM told
),
merged AS (
    SELECT file_id, project, is_whole_line, is_told, own IS NULL AS is_broken,
           own[1] = 'assistant' OR theirs[1] = 'assistant' AND theirs[11] <> '' AS is_message,
           CASE WHEN theirs IS NULL THEN own
                ELSE list_transform(range(1, 19), lambda i: CASE WHEN i > 10 THEN theirs[i]
                                                                 ELSE coalesce(theirs[i], own[i]) END) END AS v
    FROM quoted
),
chosen AS (
    SELECT file_id, project, is_whole_line, is_told, is_broken, is_message,
           v[2] AS "time", v[3] AS request_id, v[4] AS session, v[5] AS cwd, v[6] AS branch, v[7] AS agent_id,
           v[8] AS is_sidechain, v[9] AS version, v[10] AS cost, v[11] AS message_id, v[12] AS model,
           v[13] AS stop_reason, v[14] AS stop_details, v[16] AS service_tier, v[17] AS speed, v[18] AS geo,
           -- numbers as they are spelt, so that 12 can be told from "12"
           TRY(json_extract(v[15], [
               '$.input_tokens', '$.output_tokens', '$.cache_read_input_tokens', '$.cache_creation_input_tokens',
               '$.cache_creation.ephemeral_5m_input_tokens', '$.cache_creation.ephemeral_1h_input_tokens',
               '$.output_tokens_details.thinking_tokens', '$.server_tool_use.web_search_requests',
               '$.cache_creation', '$.output_tokens_details', '$.server_tool_use', '$.iterations'
               ])) AS usage
    FROM merged
),
-- of the only iteration, whether it says no more than the totals do
iterated AS (
    SELECT *, CASE WHEN starts_with(usage[12]::VARCHAR, '[') AND json_array_length(usage[12]) = 1 THEN json_extract_string(usage[12], [
                  '$[0].type', '$[0].model', '$[0].input_tokens', '$[0].output_tokens',
                  '$[0].cache_read_input_tokens', '$[0].cache_creation_input_tokens',
                  '$[0].cache_creation.ephemeral_1h_input_tokens', '$[0].cache_creation.ephemeral_5m_input_tokens'])
              END AS alone
    FROM chosen
),
counted AS (
    SELECT *,
           try_cast("time" AS TIMESTAMP) AS started_at,
           CASE WHEN starts_with(stop_details, '{') THEN json_extract_string(stop_details, '$.category') END
               AS stop_category,
           coalesce(nullif(agent_id, ''), CASE WHEN is_sidechain = 'true' THEN 'sidechain' END) AS agent,
           coalesce(nullif(regexp_extract(rtrim(cwd, '/\'), '[^/\\]*$'), ''), project) AS feature,
           number(usage[1]) AS input,
           number(usage[2]) AS output,
           number(usage[3]) AS read,
           number(usage[4]) AS written,
           number(usage[5]) AS written_5m,
           number(usage[6]) AS written_1h,
           number(usage[7]) AS thinking,
           number(usage[8]) AS searches,
           CASE WHEN is_left_out(usage[12]) OR usage[12]::VARCHAR = '[]' THEN true
                WHEN alone IS NULL THEN false
                ELSE alone[1] = 'message' AND alone[2] IS NULL
                     AND coalesce(alone[3] = usage[1]::VARCHAR AND alone[4] = usage[2]::VARCHAR, false)
                     AND coalesce(alone[5], '0') = coalesce(nullif(usage[3]::VARCHAR, 'null'), '0')
                     AND coalesce(alone[6], '0') = coalesce(nullif(usage[4]::VARCHAR, 'null'), '0')
                     AND alone[7] IS NOT DISTINCT FROM nullif(usage[6]::VARCHAR, 'null')
                     AND alone[8] IS NOT DISTINCT FROM nullif(usage[5]::VARCHAR, 'null')
           END AS is_one_message
    FROM iterated
),
judged AS (
    SELECT *,
           CASE WHEN NOT is_told THEN CASE WHEN is_whole_line THEN 'ignored' ELSE 'unsure' END
                WHEN is_broken OR NOT is_whole_line THEN 'unsure'
                WHEN is_message IS NULL OR NOT is_message THEN 'ignored'
                WHEN model = '<synthetic>' THEN 'ignored'
                WHEN coalesce(message_id, request_id) IS NOT NULL AND model IS NOT NULL AND input IS NOT NULL
                    AND output IS NOT NULL
                    AND "time" LIKE '____-__-__T__:__:__%Z' AND NOT contains("time", ' ') AND NOT contains("time", 'T24')
                    AND started_at >= TIMESTAMP '2022-01-01' AND started_at < TIMESTAMP '2100-01-01'
                    AND is_count(usage[1], input) AND is_count(usage[2], output) AND is_count(usage[3], read)
                    AND is_count(usage[4], written) AND is_count(usage[5], written_5m)
                    AND is_count(usage[6], written_1h) AND is_count(usage[7], thinking) AND is_count(usage[8], searches)
                    AND (is_left_out(usage[9])
                         OR coalesce(written_5m, written_1h) IS NOT NULL
                            AND coalesce(written, 0) = coalesce(written_5m, 0)::BIGINT + coalesce(written_1h, 0))
                    AND coalesce(thinking, 0) <= output
                    AND (is_left_out(usage[10]) OR thinking IS NOT NULL)
                    AND (is_left_out(usage[11]) OR searches IS NOT NULL)
                    AND (stop_details IS NULL OR stop_category IS NOT NULL)
                    AND is_one_message AND cost IS NULL
                    AND is_text(message_id) AND message_id IS DISTINCT FROM '0' AND is_text(request_id) AND is_text(model) AND is_text(session)
                    AND is_text(stop_reason) AND is_text(stop_category)
                    AND is_text(service_tier) AND is_text(speed) AND (geo = '' OR is_text(geo))
                    AND (cwd IS NULL OR starts_with(cwd, '/') OR cwd[2] = ':') AND is_text(feature)
                    AND is_tag(branch) AND is_tag(agent) AND is_tag(version)
                THEN 'usage' ELSE 'unsure' END AS verdict
    FROM counted
)
SELECT verdict,
    coalesce(message_id, request_id) AS request_key,
    CASE WHEN message_id IS NULL THEN 'request' ELSE 'message' END AS key_kind,
    0 AS part,
    'message' AS part_kind,
    1 AS parts,
    file_id,
    NULL AS line,
    started_at, request_id,
    NULL AS provider, NULL AS region,
    model AS model_logged,
    feature,
    NULL AS user_id,
    session AS session_id,
    nullif('{' || concat_ws(',', '"agent":"' || agent || '"', '"branch":"' || branch || '"',
                            '"version":"' || version || '"') || '}', '{}') AS tags,
    service_tier, speed,
    CASE WHEN geo NOT IN ('not_available', '') THEN geo END AS inference_geo,
    input AS uncached_input_tokens,
    coalesce(read, 0) AS cache_read_tokens,
    coalesce(written, 0)::BIGINT - coalesce(written_1h, 0) AS cache_write_5m_tokens,
    coalesce(written_1h, 0) AS cache_write_1h_tokens,
    output AS output_tokens,
    thinking AS reasoning_tokens,
    coalesce(searches, 0) AS web_search_requests,
    stop_reason, stop_category,
    NULL AS max_tokens, NULL AS stream, NULL AS latency_ms, NULL AS time_to_first_token_ms, NULL AS status,
    NULL AS error, NULL AS recorded_cost_picos, NULL AS prefixes
FROM judged
