WITH questions AS (
  SELECT
    id,
    departs_at,
    origin,
    carrier,
    EPOCH_US(departs_at) AS ondol_at,
    CAST(EXTRACT(HOUR FROM MAKE_TIMESTAMP(EPOCH_US(departs_at))) * 60 AS DOUBLE) AS minute_of_day,
    CAST(CAST(distance > 1000 AS INT) AS DOUBLE) AS far,
    CAST(CAST(delay > 15 AS INT) AS DOUBLE) AS label
  FROM (
    SELECT
      id,
      departs_at,
      lands_at,
      distance,
      CASE WHEN ABS(delay) <= 1.7976931348623157E308 THEN delay END AS delay,
      origin,
      carrier
    FROM silver.flights
  ) AS told
  WHERE
    departs_at >= CAST('2013-03-01 00:00:00+00:00' AS TIMESTAMPTZ)
    AND departs_at < CAST('2013-04-01 00:00:00+00:00' AS TIMESTAMPTZ)
    AND id IS NOT NULL
    AND lands_at <= CAST('2013-04-01 00:00:00+00:00' AS TIMESTAMPTZ)
), v1_sky AS (
  SELECT
    origin,
    EPOCH_US("time") AS ondol_time,
    EPOCH_US("time") AS ondol_known,
    wind AS wind,
    CAST(CAST(rain > 0 AS INT) AS DOUBLE) AS wet
  FROM (
    SELECT
      origin,
      "time",
      CASE WHEN ABS(wind) <= 1.7976931348623157E308 THEN wind END AS wind,
      CASE WHEN ABS(rain) <= 1.7976931348623157E308 THEN rain END AS rain
    FROM silver.weather
  ) AS told
  WHERE
    origin IS NOT NULL
    AND "time" IS NOT NULL
    AND "time" < CAST('2013-04-01 00:00:00+00:00' AS TIMESTAMPTZ)
), v1_sky_1_newest AS (
  SELECT
    origin,
    ondol_time AS ondol_at,
    ondol_time,
    wind,
    wet,
    ROW_NUMBER() OVER (PARTITION BY origin, ondol_time ORDER BY ondol_time DESC, ondol_known DESC) AS ondol_step
  FROM v1_sky
), v1_sky_1_steps AS (
  SELECT
    origin,
    ondol_at,
    wind,
    wet
  FROM v1_sky_1_newest
  WHERE
    ondol_step = 1
), v1_sky_1_line AS (
  SELECT
    origin,
    ondol_at,
    ondol_at AS ondol_step,
    0 AS ondol_asked
  FROM v1_sky_1_steps
  UNION ALL
  SELECT DISTINCT
    origin,
    ondol_at,
    CAST(NULL AS BIGINT) AS ondol_step,
    1 AS ondol_asked
  FROM questions
), v1_sky_1_found AS (
  SELECT
    origin,
    ondol_at,
    ondol_asked,
    MAX(ondol_step) OVER (PARTITION BY origin ORDER BY ondol_at, ondol_asked ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS ondol_step
  FROM v1_sky_1_line
), v1_sky_1_values AS (
  SELECT
    v1_sky_1_found.origin,
    v1_sky_1_found.ondol_at,
    v1_sky_1_steps.wind,
    v1_sky_1_steps.wet
  FROM v1_sky_1_found
  JOIN v1_sky_1_steps
    ON v1_sky_1_steps.origin = v1_sky_1_found.origin AND v1_sky_1_steps.ondol_at = v1_sky_1_found.ondol_step
  WHERE
    v1_sky_1_found.ondol_asked = 1 AND v1_sky_1_found.ondol_at - v1_sky_1_found.ondol_step <= 10800000000
), v2_carrier_late AS (
  SELECT
    carrier,
    EPOCH_US(departs_at) AS ondol_time,
    EPOCH_US(lands_at) AS ondol_known,
    CAST(CAST(delay > 15 AS INT) AS DOUBLE) AS late_share,
    CAST(1 AS DOUBLE) AS flown,
    id AS ondol_tie0
  FROM (
    SELECT
      id,
      departs_at,
      lands_at,
      carrier,
      CASE WHEN ABS(delay) <= 1.7976931348623157E308 THEN delay END AS delay
    FROM silver.flights
  ) AS told
  WHERE
    carrier IS NOT NULL
    AND departs_at IS NOT NULL
    AND lands_at IS NOT NULL
    AND lands_at < CAST('2013-04-01 00:00:00+00:00' AS TIMESTAMPTZ)
    AND EPOCH_US(lands_at) >= 1361404800000000
), v2_carrier_late_1_tiles AS (
  SELECT
    carrier,
    ondol_known - (ondol_known % 86400000000 + 86400000000) % 86400000000 AS ondol_tile,
    COUNT(late_share) AS ondol_n0,
    SUM(late_share) AS ondol_v0,
    COUNT(flown) AS ondol_n1
  FROM v2_carrier_late
  GROUP BY
    carrier,
    ondol_known - (ondol_known % 86400000000 + 86400000000) % 86400000000
), v2_carrier_late_1_line AS (
  SELECT
    carrier,
    ondol_tile,
    0 AS ondol_asked,
    ondol_n0,
    ondol_v0,
    ondol_n1
  FROM v2_carrier_late_1_tiles
  UNION ALL
  SELECT DISTINCT
    carrier,
    ondol_at - (ondol_at % 86400000000 + 86400000000) % 86400000000 AS ondol_tile,
    1 AS ondol_asked,
    CAST(NULL AS BIGINT) AS ondol_n0,
    CAST(NULL AS DOUBLE) AS ondol_v0,
    CAST(NULL AS BIGINT) AS ondol_n1
  FROM questions
), v2_carrier_late_1_values AS (
  SELECT
    carrier,
    ondol_tile,
    ondol_v0 / NULLIF(ondol_n0, 0) AS late_share,
    CAST(NULLIF(ondol_n1, 0) AS DOUBLE) AS flown
  FROM (
    SELECT
      carrier,
      ondol_tile,
      ondol_asked,
      SUM(ondol_n0) OVER (PARTITION BY carrier ORDER BY ondol_tile RANGE BETWEEN 604800000000 PRECEDING AND 1 PRECEDING) AS ondol_n0,
      SUM(ondol_v0) OVER (PARTITION BY carrier ORDER BY ondol_tile RANGE BETWEEN 604800000000 PRECEDING AND 1 PRECEDING) AS ondol_v0,
      SUM(ondol_n1) OVER (PARTITION BY carrier ORDER BY ondol_tile RANGE BETWEEN 604800000000 PRECEDING AND 1 PRECEDING) AS ondol_n1
    FROM v2_carrier_late_1_line
  ) AS v2_carrier_late_1_sums
  WHERE
    ondol_asked = 1
)
SELECT
  questions.id,
  questions.departs_at,
  questions.origin,
  questions.carrier,
  v1_sky_1_values.wind,
  v1_sky_1_values.wet,
  v2_carrier_late_1_values.late_share,
  v2_carrier_late_1_values.flown,
  questions.minute_of_day,
  questions.far,
  questions.label
FROM questions
LEFT JOIN v1_sky_1_values
  ON v1_sky_1_values.origin = questions.origin AND v1_sky_1_values.ondol_at = questions.ondol_at
LEFT JOIN v2_carrier_late_1_values
  ON v2_carrier_late_1_values.carrier = questions.carrier
  AND v2_carrier_late_1_values.ondol_tile = questions.ondol_at - (questions.ondol_at % 86400000000 + 86400000000) % 86400000000
WHERE
  questions.label IS NOT NULL
ORDER BY
  questions.ondol_at,
  questions.id;
