WITH questions AS (
  SELECT
    id,
    departs_at,
    carrier,
    DATEDIFF(MICROSECOND, CAST('1970-01-01' AS TIMESTAMP), departs_at AT TIME ZONE 'UTC') AS ondol_at,
    CAST(CAST(delay > 15 AS INTEGER) AS DOUBLE PRECISION) AS label
  FROM (
    SELECT
      id,
      departs_at,
      lands_at,
      CASE WHEN ABS(delay) <= CAST('1.7976931348623157E308' AS DOUBLE PRECISION) THEN delay END AS delay,
      carrier,
      ROW_NUMBER() OVER (PARTITION BY id ORDER BY lands_at DESC NULLS LAST) AS ondol_rank
    FROM silver.flights
    WHERE
      lands_at <= CAST('2013-04-01 00:00:00+00:00' AS TIMESTAMP WITH TIME ZONE)
  ) AS told
  WHERE
    departs_at < CAST('2013-04-01 00:00:00+00:00' AS TIMESTAMP WITH TIME ZONE)
    AND id IS NOT NULL
    AND ondol_rank = 1
), v1_carrier_now_2_told AS (
  SELECT
    carrier,
    DATEDIFF(MICROSECOND, CAST('1970-01-01' AS TIMESTAMP), departs_at AT TIME ZONE 'UTC') AS ondol_time,
    DATEDIFF(MICROSECOND, CAST('1970-01-01' AS TIMESTAMP), lands_at AT TIME ZONE 'UTC') AS ondol_known,
    origin AS airports,
    delay AS last_delay,
    id AS ondol_tie0,
    id AS ondol_fact0
  FROM (
    SELECT
      id,
      departs_at,
      lands_at,
      carrier,
      origin,
      CASE WHEN ABS(delay) <= CAST('1.7976931348623157E308' AS DOUBLE PRECISION) THEN delay END AS delay
    FROM silver.flights
  ) AS told
  WHERE
    departs_at IS NOT NULL
    AND lands_at IS NOT NULL
    AND lands_at < CAST('2013-04-01 00:00:00+00:00' AS TIMESTAMP WITH TIME ZONE)
), v1_carrier_now_2 AS (
  SELECT
    carrier,
    ondol_time,
    ondol_known,
    airports,
    last_delay,
    ondol_tie0,
    ondol_until
  FROM (
    SELECT
      carrier,
      ondol_time,
      ondol_known,
      airports,
      last_delay,
      ondol_tie0,
      LEAD(ondol_known) OVER (
        PARTITION BY ondol_fact0
        ORDER BY ondol_known, carrier ASC NULLS FIRST, airports ASC NULLS FIRST, last_delay ASC NULLS FIRST
      ) AS ondol_until
    FROM v1_carrier_now_2_told
  ) AS v1_carrier_now_2_corrected
  WHERE
    carrier IS NOT NULL AND (ondol_until IS NULL OR ondol_until > ondol_known)
), v1_carrier_now_2_1_ends AS (
  SELECT DISTINCT
    carrier,
    ondol_at - (ondol_at % 86400000000 + 86400000000) % 86400000000 AS ondol_tile
  FROM questions
), v1_carrier_now_2_1_counted AS (
  SELECT
    v1_carrier_now_2_1_ends.carrier,
    v1_carrier_now_2_1_ends.ondol_tile,
    v1_carrier_now_2.airports
  FROM v1_carrier_now_2_1_ends
  JOIN v1_carrier_now_2
    ON v1_carrier_now_2.carrier = v1_carrier_now_2_1_ends.carrier
    AND v1_carrier_now_2.ondol_known >= v1_carrier_now_2_1_ends.ondol_tile - 604800000000
    AND v1_carrier_now_2.ondol_known < v1_carrier_now_2_1_ends.ondol_tile
    AND (v1_carrier_now_2.ondol_until IS NULL
    OR v1_carrier_now_2.ondol_until >= v1_carrier_now_2_1_ends.ondol_tile)
), v1_carrier_now_2_1_of_rows AS (
  SELECT
    carrier,
    ondol_tile,
    CAST(NULLIF(COUNT(DISTINCT airports), 0) AS DOUBLE PRECISION) AS airports
  FROM v1_carrier_now_2_1_counted
  GROUP BY
    carrier,
    ondol_tile
), v1_carrier_now_2_2_asked AS (
  SELECT DISTINCT
    carrier,
    ondol_at
  FROM questions
), v1_carrier_now_2_2_chosen AS (
  SELECT
    v1_carrier_now_2_2_asked.carrier,
    v1_carrier_now_2_2_asked.ondol_at,
    v1_carrier_now_2.last_delay,
    CASE
      WHEN v1_carrier_now_2.ondol_time >= v1_carrier_now_2.ondol_known
      THEN v1_carrier_now_2.ondol_time
      ELSE v1_carrier_now_2.ondol_known
    END AS ondol_step,
    ROW_NUMBER() OVER (
      PARTITION BY v1_carrier_now_2_2_asked.carrier, v1_carrier_now_2_2_asked.ondol_at
      ORDER BY v1_carrier_now_2.ondol_time DESC NULLS LAST, v1_carrier_now_2.ondol_known DESC NULLS LAST, v1_carrier_now_2.ondol_tie0 DESC NULLS LAST
    ) AS ondol_rank
  FROM v1_carrier_now_2_2_asked
  JOIN v1_carrier_now_2
    ON v1_carrier_now_2.carrier = v1_carrier_now_2_2_asked.carrier
    AND v1_carrier_now_2.ondol_time <= v1_carrier_now_2_2_asked.ondol_at
    AND v1_carrier_now_2.ondol_known <= v1_carrier_now_2_2_asked.ondol_at
    AND (v1_carrier_now_2.ondol_until IS NULL
    OR v1_carrier_now_2.ondol_until > v1_carrier_now_2_2_asked.ondol_at)
), v1_carrier_now_2_2_values AS (
  SELECT
    carrier,
    ondol_at,
    last_delay
  FROM v1_carrier_now_2_2_chosen
  WHERE
    ondol_rank = 1 AND ondol_at - ondol_step <= 172800000000
)
SELECT
  questions.id,
  questions.departs_at,
  questions.carrier,
  v1_carrier_now_2_1_of_rows.airports,
  v1_carrier_now_2_2_values.last_delay,
  questions.label
FROM questions
LEFT JOIN v1_carrier_now_2_1_of_rows
  ON v1_carrier_now_2_1_of_rows.carrier = questions.carrier
  AND v1_carrier_now_2_1_of_rows.ondol_tile = questions.ondol_at - (questions.ondol_at % 86400000000 + 86400000000) % 86400000000
LEFT JOIN v1_carrier_now_2_2_values
  ON v1_carrier_now_2_2_values.carrier = questions.carrier
  AND v1_carrier_now_2_2_values.ondol_at = questions.ondol_at
WHERE
  questions.label IS NOT NULL
ORDER BY
  questions.ondol_at,
  questions.id;
