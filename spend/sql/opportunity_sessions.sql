-- Sessions of at least four requests, by feature and model: how many there are, how many of them have prompts that grow
-- to half as much again and more, and the usual length of a first prompt.
SELECT feature, model, count(*) AS sessions,
       count(*) FILTER (requests >= 4 AND last_prompt * 2 >= first_prompt * 3 AND longer * 4 >= (requests - 1) * 3) AS growing,
       quantile_disc(first_prompt, 0.5) AS first_usual,
       count(*) FILTER (requests >= 4) AS long_sessions,
       quantile_disc(last_prompt, 0.5) FILTER (requests >= 4) AS last_usual
FROM (
    SELECT feature, model, session_id, count(*) AS requests, arg_min(prompt_tokens, started_at) AS first_prompt,
           arg_max(prompt_tokens, started_at) AS last_prompt, count(*) FILTER (grown) AS longer
    FROM (
        SELECT feature, model, session_id, started_at, prompt_tokens,
               prompt_tokens > lag(prompt_tokens) OVER (PARTITION BY feature, model, session_id ORDER BY started_at) AS grown
        FROM usage
        WHERE part = 0 AND cost > 0 AND session_id IS NOT NULL AND started_at IS NOT NULL AND {which}
    )
    GROUP BY feature, model, session_id
)
GROUP BY feature, model
HAVING growing > 0
