-- Kinds of requests: all that decides the price of a request beside its tokens. {epoch} counts the price changes before it.
CREATE OR REPLACE TEMP TABLE what_if_kind AS
SELECT row_number() OVER () AS kind, k.*, coalesce(n.regional, false) AS regional
FROM (
    SELECT model, model_logged, provider, region, speed, service_tier, inference_geo, {epoch} AS epoch,
           min(started_at) AS moment, coalesce(max(prompt_tokens), 0) AS longest, coalesce(max(output_tokens), 0) AS most
    FROM usage
    WHERE {which}
    GROUP BY ALL
) k
LEFT JOIN model_name n
    ON n.model_logged = k.model_logged
    AND n.provider IS NOT DISTINCT FROM k.provider
    AND n.region IS NOT DISTINCT FROM k.region
