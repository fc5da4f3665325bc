-- i / j
SELECT
  CAST(i AS DOUBLE PRECISION) / NULLIF(j, 0) AS value
FROM examples;

-- 1 / 3
SELECT
  CAST(1 AS DOUBLE PRECISION) / 3 AS value
FROM examples;

-- i * 0.5
SELECT
  i * CAST(0.5 AS DOUBLE PRECISION) AS value
FROM examples;

-- i % j
SELECT
  i % NULLIF(j, 0) AS value
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
  CASE WHEN ABS(x) < 9.2E18 THEN CAST(TRUNC(x) AS BIGINT) END AS value
FROM examples;

-- cast(s as bigint)
SELECT
  CASE WHEN TRIM(s) ~ '^[+-]?[0-9]{1,19}$' THEN TRY_CAST(TRIM(s) AS BIGINT) END AS value
FROM examples;

-- cast(s as double)
SELECT
  CASE
    WHEN TRIM(s) ~ '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$'
    THEN TRY_CAST(TRIM(s) AS DOUBLE PRECISION)
  END AS value
FROM examples;

-- cast(b as varchar) = 'true'
SELECT
  CASE WHEN b THEN 'true' WHEN NOT (b) THEN 'false' END = 'true' AS value
FROM examples;

-- t > '2013-07-01'
SELECT
  t > CAST('2013-07-01 00:00:00+00:00' AS TIMESTAMP WITH TIME ZONE) AS value
FROM examples;

-- d + 1 = '2013-07-08'
SELECT
  (DATEDIFF(DAY, CAST('1970-01-01' AS DATE), d) + 1) = 15894 AS value
FROM examples;

-- t - interval '1 hour' < '2013-07-01'
SELECT
  (DATEDIFF(MICROSECOND, CAST('1970-01-01' AS TIMESTAMP), t AT TIME ZONE 'UTC') - 3600000000) < 1372636800000000 AS value
FROM examples;

-- floor(x)
SELECT
  FLOOR(x) AS value
FROM examples;

-- i div j
SELECT
  CAST(((i) - (i) % NULLIF(j, 0)) / NULLIF(j, 0) AS BIGINT) AS value
FROM examples;

-- round(x, 1)
SELECT
  (SIGN(x) * FLOOR(ABS(x) * 10 + 0.5) / 10) AS value
FROM examples;

-- greatest(x, y)
SELECT
  GREATEST(x, y) AS value
FROM examples;

-- least(i, j, 3)
SELECT
  LEAST(i, j, 3) AS value
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
    WHEN ABS(POWER(x, CAST(2 AS DOUBLE PRECISION))) <= CAST('1.7976931348623157E308' AS DOUBLE PRECISION)
    THEN POWER(x, CAST(2 AS DOUBLE PRECISION))
  END AS value
FROM examples;

-- starts_with(s, '1')
SELECT
  (LEFT(s, LENGTH('1')) = '1') AS value
FROM examples;

-- length(s)
SELECT
  LENGTH(s) AS value
FROM examples;

-- hour(t)
SELECT
  EXTRACT(HOUR FROM t AT TIME ZONE 'UTC') AS value
FROM examples;

-- year(d)
SELECT
  EXTRACT(YEAR FROM d) AS value
FROM examples;

-- extract(week from t)
SELECT
  EXTRACT(WEEK FROM t AT TIME ZONE 'UTC') AS value
FROM examples;

-- extract(dow from t)
SELECT
  EXTRACT(DOW FROM t AT TIME ZONE 'UTC') AS value
FROM examples;

-- extract(isodow from d)
SELECT
  ((EXTRACT(DOW FROM d) + 6) % 7 + 1) AS value
FROM examples;

-- extract(doy from t)
SELECT
  EXTRACT(DOY FROM t AT TIME ZONE 'UTC') AS value
FROM examples;

-- extract(second from t)
SELECT
  EXTRACT(SECOND FROM t AT TIME ZONE 'UTC') AS value
FROM examples;

-- extract(epoch from t)
SELECT
  CAST(DATEDIFF(MICROSECOND, CAST('1970-01-01' AS TIMESTAMP), t AT TIME ZONE 'UTC') AS DOUBLE PRECISION) / 1000000 AS value
FROM examples;

-- extract(isoyear from d)
SELECT
  CAST(TO_CHAR(d, 'IYYY') AS BIGINT) AS value
FROM examples;

-- hour(t at time zone 'America/New_York')
SELECT
  EXTRACT(HOUR FROM t AT TIME ZONE 'America/New_York') AS value
FROM examples;

-- cast(t at time zone 'Europe/Paris' as date) = d
SELECT
  CAST((((DATEDIFF(MICROSECOND, CAST('1970-01-01' AS TIMESTAMP), t AT TIME ZONE 'Europe/Paris') - (DATEDIFF(MICROSECOND, CAST('1970-01-01' AS TIMESTAMP), t AT TIME ZONE 'Europe/Paris') % 86400000000 + 86400000000) % 86400000000)) - ((DATEDIFF(MICROSECOND, CAST('1970-01-01' AS TIMESTAMP), t AT TIME ZONE 'Europe/Paris') - (DATEDIFF(MICROSECOND, CAST('1970-01-01' AS TIMESTAMP), t AT TIME ZONE 'Europe/Paris') % 86400000000 + 86400000000) % 86400000000)) % 86400000000) / 86400000000 AS BIGINT) = DATEDIFF(DAY, CAST('1970-01-01' AS DATE), d) AS value
FROM examples;

-- date_trunc('week', t) = t
SELECT
  ((DATEDIFF(MICROSECOND, CAST('1970-01-01' AS TIMESTAMP), t AT TIME ZONE 'UTC') + 259200000000) - ((DATEDIFF(MICROSECOND, CAST('1970-01-01' AS TIMESTAMP), t AT TIME ZONE 'UTC') + 259200000000) % 604800000000 + 604800000000) % 604800000000 - 259200000000) = DATEDIFF(MICROSECOND, CAST('1970-01-01' AS TIMESTAMP), t AT TIME ZONE 'UTC') AS value
FROM examples;

-- date_trunc('month', d) = d
SELECT
  (DATEDIFF(
    DAY,
    CAST('1970-01-01' AS DATE),
    CAST(DATE_TRUNC(
      'MONTH',
      CAST(DATEADD(DAY, DATEDIFF(DAY, CAST('1970-01-01' AS DATE), d), CAST('1970-01-01' AS DATE)) AS DATE)
    ) AS DATE)
  ) * 1) = DATEDIFF(DAY, CAST('1970-01-01' AS DATE), d) AS value
FROM examples;

-- trim(s) = 'a'
SELECT
  TRIM(s) = 'a' AS value
FROM examples;

-- s like 'a\%'
SELECT
  s LIKE 'a^%' ESCAPE '^' AS value
FROM examples;

-- s ilike 'A%'
SELECT
  LOWER(s) LIKE 'a%' AS value
FROM examples;

-- split_part(s, '-', 2) = 'b'
SELECT
  SPLIT_PART(s, '-', 2) = 'b' AS value
FROM examples;

-- position('a' in s)
SELECT
  POSITION('a' IN s) AS value
FROM examples;

-- ends_with(s, 'a')
SELECT
  (RIGHT(s, LENGTH('a')) = 'a') AS value
FROM examples;

-- log10(x)
SELECT
  CASE WHEN x > 0 THEN LOG(x) END AS value
FROM examples;

-- log2(x)
SELECT
  CASE WHEN x > 0 THEN (LN(x) / LN(CAST(2 AS DOUBLE PRECISION))) END AS value
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
  SUBSTRING(s FROM 2 FOR 3) = 'abc' AS value
FROM examples;

-- s || 'a' = 'ba'
SELECT
  s || 'a' = 'ba' AS value
FROM examples;
