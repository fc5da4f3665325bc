-- i / j
SELECT
  CAST(i AS FLOAT64) / NULLIF(j, 0) AS value
FROM examples;

-- 1 / 3
SELECT
  CAST(1 AS FLOAT64) / 3 AS value
FROM examples;

-- i * 0.5
SELECT
  i * CAST(0.5 AS FLOAT64) AS value
FROM examples;

-- i % j
SELECT
  MOD(i, NULLIF(j, 0)) AS value
FROM examples;

-- x % 2.5
SELECT
  (x - 2.5 * TRUNC(x / 2.5)) AS value
FROM examples;

-- x > 1
SELECT
  x > 1 AS value
FROM examples;

-- not b
SELECT
  NOT b AS value
FROM examples;

-- b is true
SELECT
  COALESCE(b, FALSE) AS value
FROM examples;

-- s not like '1%'
SELECT
  NOT (s LIKE '1%') AS value
FROM examples;

-- s = 'it''s'
SELECT
  s = 'it\'s' AS value
FROM examples;

-- cast(x as bigint)
SELECT
  CASE WHEN ABS(x) < 9.2E18 THEN CAST(TRUNC(x) AS INT64) END AS value
FROM examples;

-- cast(s as bigint)
SELECT
  CASE WHEN REGEXP_CONTAINS(TRIM(s, ' '), '^[+-]?[0-9]{1,19}$') THEN SAFE_CAST(TRIM(s, ' ') AS INT64) END AS value
FROM examples;

-- cast(s as double)
SELECT
  CASE
    WHEN REGEXP_CONTAINS(TRIM(s, ' '), '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$')
    THEN SAFE_CAST(TRIM(s, ' ') AS FLOAT64)
  END AS value
FROM examples;

-- cast(b as varchar) = 'true'
SELECT
  CASE WHEN b THEN 'true' WHEN NOT (b) THEN 'false' END = 'true' AS value
FROM examples;

-- t > '2013-07-01'
SELECT
  t > CAST('2013-07-01 00:00:00+00:00' AS TIMESTAMP) AS value
FROM examples;

-- d + 1 = '2013-07-08'
SELECT
  (UNIX_DATE(d) + 1) = 15894 AS value
FROM examples;

-- t - interval '1 hour' < '2013-07-01'
SELECT
  (UNIX_MICROS(t) - 3600000000) < 1372636800000000 AS value
FROM examples;

-- floor(x)
SELECT
  FLOOR(x) AS value
FROM examples;

-- i div j
SELECT
  DIV(i, NULLIF(j, 0)) AS value
FROM examples;

-- round(x, 1)
SELECT
  (SIGN(x) * FLOOR(ABS(x) * 10 + 0.5) / 10) AS value
FROM examples;

-- greatest(x, y)
SELECT
  (
    SELECT
      MAX(choice)
    FROM UNNEST([x, y]) AS choice
  ) AS value
FROM examples;

-- least(i, j, 3)
SELECT
  (
    SELECT
      MIN(choice)
    FROM UNNEST([i, j, 3]) AS choice
  ) AS value
FROM examples;

-- ln(x)
SELECT
  CASE WHEN x > 0 THEN LN(x) END AS value
FROM examples;

-- sqrt(x)
SELECT
  CASE WHEN x >= 0 THEN SQRT(x) END AS value
FROM examples;

-- exp(x)
SELECT
  CASE WHEN x <= 709.78 THEN EXP(x) END AS value
FROM examples;

-- power(x, 2)
SELECT
  CASE
    WHEN ABS(SAFE.POWER(x, CAST(2 AS FLOAT64))) <= 1.7976931348623157E308
    THEN SAFE.POWER(x, CAST(2 AS FLOAT64))
  END AS value
FROM examples;

-- starts_with(s, '1')
SELECT
  STARTS_WITH(s, '1') AS value
FROM examples;

-- length(s)
SELECT
  LENGTH(s) AS value
FROM examples;

-- hour(t)
SELECT
  EXTRACT(HOUR FROM DATETIME(t, 'UTC')) AS value
FROM examples;

-- year(d)
SELECT
  EXTRACT(YEAR FROM d) AS value
FROM examples;

-- extract(week from t)
SELECT
  EXTRACT(ISOWEEK FROM DATETIME(t, 'UTC')) AS value
FROM examples;

-- extract(dow from t)
SELECT
  (EXTRACT(DAYOFWEEK FROM DATETIME(t, 'UTC')) - 1) AS value
FROM examples;

-- extract(isodow from d)
SELECT
  (MOD(EXTRACT(DAYOFWEEK FROM d) + 5, 7) + 1) AS value
FROM examples;

-- extract(doy from t)
SELECT
  EXTRACT(DAYOFYEAR FROM DATETIME(t, 'UTC')) AS value
FROM examples;

-- extract(second from t)
SELECT
  EXTRACT(SECOND FROM DATETIME(t, 'UTC')) AS value
FROM examples;

-- extract(epoch from t)
SELECT
  CAST(UNIX_MICROS(t) AS FLOAT64) / 1000000 AS value
FROM examples;

-- extract(isoyear from d)
SELECT
  EXTRACT(ISOYEAR FROM d) AS value
FROM examples;

-- hour(t at time zone 'America/New_York')
SELECT
  EXTRACT(HOUR FROM DATETIME(t, 'America/New_York')) AS value
FROM examples;

-- cast(t at time zone 'Europe/Paris' as date) = d
SELECT
  DIV(
    (DATETIME_DIFF(DATETIME(t, 'Europe/Paris'), DATETIME(1970, 1, 1, 0, 0, 0), MICROSECOND) - MOD(
      MOD(DATETIME_DIFF(DATETIME(t, 'Europe/Paris'), DATETIME(1970, 1, 1, 0, 0, 0), MICROSECOND), 86400000000) + 86400000000,
      86400000000
    )),
    86400000000
  ) = UNIX_DATE(d) AS value
FROM examples;

-- date_trunc('week', t) = t
SELECT
  ((UNIX_MICROS(t) + 259200000000) - MOD(MOD(UNIX_MICROS(t) + 259200000000, 604800000000) + 604800000000, 604800000000) - 259200000000) = UNIX_MICROS(t) AS value
FROM examples;

-- date_trunc('month', d) = d
SELECT
  (UNIX_DATE(CAST(DATE_TRUNC(DATE_FROM_UNIX_DATE(UNIX_DATE(d)), MONTH) AS DATE)) * 1) = UNIX_DATE(d) AS value
FROM examples;

-- trim(s) = 'a'
SELECT
  TRIM(s, ' ') = 'a' AS value
FROM examples;

-- s like 'a\%'
SELECT
  s LIKE 'a\\%' AS value
FROM examples;

-- s ilike 'A%'
SELECT
  LOWER(s) LIKE 'a%' AS value
FROM examples;

-- split_part(s, '-', 2) = 'b'
SELECT
  CASE WHEN s IS NOT NULL THEN COALESCE(SPLIT(s, '-')[SAFE_ORDINAL(2)], '') END = 'b' AS value
FROM examples;

-- position('a' in s)
SELECT
  INSTR(s, 'a') AS value
FROM examples;

-- ends_with(s, 'a')
SELECT
  ENDS_WITH(s, 'a') AS value
FROM examples;

-- log10(x)
SELECT
  CASE WHEN x > 0 THEN LOG10(x) END AS value
FROM examples;

-- log2(x)
SELECT
  CASE WHEN x > 0 THEN (LN(x) / LN(CAST(2 AS FLOAT64))) END AS value
FROM examples;

-- x is not distinct from y
SELECT
  COALESCE(x = y, x IS NULL AND y IS NULL) AS value
FROM examples;

-- right(s, 2) = 'ab'
SELECT
  RIGHT(s, 2) = 'ab' AS value
FROM examples;

-- substring(s, 2, 3) = 'abc'
SELECT
  SUBSTRING(s, 2, 3) = 'abc' AS value
FROM examples;

-- s || 'a' = 'ba'
SELECT
  s || 'a' = 'ba' AS value
FROM examples;
