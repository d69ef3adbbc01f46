-- Facts of made-up requests, $first to $past of {requests}: 18 weeks from Monday 2026-07-06 (UTC), busy in office hours.
-- Dice are hashes of a request's number, so that the same requests come out in any pieces and on any machine.
WITH numbered AS (
    SELECT range AS n, hash(range, 1) AS dice, hash(range, 2) AS more_dice, slot.second AS slot_second, slot.seconds
    FROM range({first}, {past}) JOIN slot ON slot.slot = range * {slots} // {requests}
),
timed AS (
    SELECT *, CAST(slot_second * 1000000 + (dice % 1000003) * seconds AS BIGINT) AS microsecond FROM numbered
),
-- a session is one user in one feature for up to 40 minutes, about eight requests
held AS (
    SELECT *, microsecond // 2400000000 AS stretch, hash(stretch, more_dice % {at_once}) AS session FROM timed
),
drawn AS (
    SELECT *,
           CAST(floor(5000 * pow((session % 1000003) / 1000003, 2.6)) AS INTEGER) AS who,
           CASE WHEN session // 1000003 % 100 < 75 THEN hash(who, session // 100000033 % 3) ELSE session // 1000003 END
               AS wish,
           CAST(floor(50 * pow((wish % 1000003) / 1000003, 2.2)) AS INTEGER) AS what,
           TIMESTAMP '2026-07-06' + to_microseconds(microsecond) AS started_at,
           CASE WHEN what = 0 AND who % 2 = 0 THEN NULL ELSE
               ['search', 'support', 'sales', 'legal', 'research', 'billing', 'code', 'docs', 'hiring', 'night'][1 + what % 10]
               || '-' || ['answers', 'summaries', 'routing', 'drafts', 'review'][1 + what // 10] END AS feature,
           CASE WHEN dice // 7 % 100 < 85 THEN what ELSE what + 5 END % 12 AS which,
           exp(((dice // 11 % 4099 + dice // 13 % 4111 + dice // 17 % 4127) / 4112 - 1.5) * 1.4) AS spread,
           exp(((more_dice // 11 % 4099 + more_dice // 13 % 4111 + more_dice // 17 % 4127) / 4112 - 1.5) * 1.4) AS spread_out,
           1024 * (1 + what % 9) AS prefix,
           more_dice // 1009 % 1000 AS cache_dice,
           dice // 1013 % 10000 AS luck
    FROM held
),
request AS (
    SELECT *, luck < 40 AS failed, luck BETWEEN 40 AND 139 AND what % 5 = 4 AS advised,
           CASE WHEN luck BETWEEN 140 AND 159 THEN 'house-model-' || which
                WHEN which = 0 AND started_at < '2026-07-24' THEN 'claude-opus-4-8'
                WHEN which = 1 AND started_at < '2026-09-28' THEN 'claude-sonnet-5'
                WHEN which = 2 AND started_at < '2026-10-07' THEN 'claude-haiku-4-5-20251001'
                ELSE ['claude-opus-5', 'claude-sonnet-5-5', 'claude-haiku-5-5', 'claude-haiku-4-5-20251001',
                      'claude-sonnet-4-6', 'claude-opus-4-8', 'claude-sonnet-5', 'claude-opus-4-7', 'claude-sonnet-4-5',
                      'claude-opus-4-6', 'claude-opus-4-5', 'claude-fable-5'][1 + which] END AS model_logged
    FROM drawn
),
part AS (
    SELECT *, unnest(CASE WHEN advised AND NOT failed THEN [0, 1] ELSE [0] END) AS part FROM request
)
SELECT 'msg_01' || lpad(to_hex(hash(n, 3)), 16, '0') || lpad(to_hex(hash(n, 4) % 1048576), 5, '0') AS request_key,
       'message' AS key_kind, part, CASE WHEN part = 0 THEN 'message' ELSE 'advisor' END AS part_kind,
       CASE WHEN advised AND NOT failed THEN 2 ELSE 1 END AS parts,
       {file_id} AS file_id, NULL AS line,
       CASE WHEN luck = 160 AND n % 50 = 0 THEN NULL ELSE started_at END AS started_at,
       'req_01' || lpad(to_hex(hash(n, 5)), 16, '0') AS request_id,
       'anthropic' AS provider, NULL AS region,
       CASE WHEN part = 0 THEN model_logged ELSE 'claude-opus-4-8' END AS model_logged,
       feature, 'u_' || lpad(CAST(who AS VARCHAR), 4, '0') AS user_id,
       's_' || lpad(to_hex(session), 16, '0') AS session_id,
       CASE WHEN what % 3 > 0 THEN '{{"env":"' || CASE WHEN what % 3 = 1 THEN 'production' ELSE 'staging' END
           || '","team":"' || feature[:4] || '"}}' END AS tags,
       CASE WHEN what % 7 = 6 THEN 'batch' WHEN luck = 161 THEN 'priority' WHEN what % 10 < 8 THEN 'standard' END
           AS service_tier,
       NULL AS speed, CASE WHEN what % 11 = 3 THEN 'us' WHEN what % 2 = 0 THEN 'global' END AS inference_geo,
       CASE WHEN NOT failed THEN CAST((300 + 700 * (what % 8)) * spread / (1 + 2 * part) AS BIGINT) + 1 END
           AS uncached_input_tokens,
       CASE WHEN NOT failed AND part = 0 AND cache_dice < 450 THEN prefix ELSE 0 END AS cache_read_tokens,
       CASE WHEN NOT failed AND part = 0 AND cache_dice BETWEEN 400 AND 500 AND what % 4 > 0 THEN prefix // 2 ELSE 0 END
           AS cache_write_5m_tokens,
       CASE WHEN NOT failed AND part = 0 AND cache_dice BETWEEN 400 AND 500 AND what % 4 = 0 THEN prefix // 2 ELSE 0 END
           AS cache_write_1h_tokens,
       CASE WHEN NOT failed THEN CAST((60 + 90 * (what % 13)) * spread_out / (1 + part) AS BIGINT) + 1 END AS output_tokens,
       CASE WHEN NOT failed AND what % 6 = 5 THEN CAST(20 * (what % 13) * spread_out / (1 + part) AS BIGINT) END
           AS reasoning_tokens,
       CASE WHEN NOT failed AND part = 0 AND what % 10 = 4 AND cache_dice % 20 = 0 THEN 1 + luck % 3 ELSE 0 END
           AS web_search_requests,
       CASE WHEN failed THEN NULL WHEN luck % 20 = 0 THEN 'max_tokens' WHEN luck % 3 = 0 THEN 'tool_use' ELSE 'end_turn' END
           AS stop_reason,
       NULL AS stop_category, 4096 AS max_tokens, luck % 2 = 0 AS stream,
       CAST(400 + 1200 * (what % 13) / 3 * spread_out AS BIGINT) AS latency_ms,
       CASE WHEN NOT failed AND luck % 2 = 0 THEN CAST(150 + 200 * spread AS BIGINT) END AS time_to_first_token_ms,
       CASE WHEN failed THEN 529 ELSE 200 END AS status,
       CASE WHEN failed THEN 'overloaded_error' END AS error,
       NULL AS recorded_cost_picos, NULL AS prefixes
FROM part
