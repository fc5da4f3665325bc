-- i / j
SELECT
  CAST(i AS DOUBLE) / NULLIF(j, 0) AS value
FROM examples;

-- 1 / 3
SELECT
  CAST(1 AS DOUBLE) / 3 AS value
FROM examples;

-- i * 0.5
SELECT
  i * CAST(0.5 AS DOUBLE) AS value
FROM examples;

-- i % j
SELECT
  i % NULLIF(j, 0) AS value
FROM examples;

-- x % 2.5
SELECT
  x % 2.5 AS value
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
  CASE WHEN REGEXP_LIKE(TRIM(s), '^[+-]?[0-9]{1,19}$') THEN TRY_CAST(TRIM(s) AS BIGINT) END AS value
FROM examples;

-- cast(s as double)
SELECT
  CASE
    WHEN REGEXP_LIKE(TRIM(s), '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$')
    THEN TRY_CAST(TRIM(s) AS DOUBLE)
  END AS value
FROM examples;

-- cast(b as varchar) = 'true'
SELECT
  CASE WHEN b THEN 'true' WHEN NOT (b) THEN 'false' END = 'true' AS value
FROM examples;

-- t > '2013-07-01'
SELECT
  t > CAST('2013-07-01 00:00:00+00:00' AS TIMESTAMPTZ) AS value
FROM examples;

-- d + 1 = '2013-07-08'
SELECT
  (DATEDIFF(DAY, CAST('1970-01-01' AS DATE), d) + 1) = 15894 AS value
FROM examples;

-- t - interval '1 hour' < '2013-07-01'
SELECT
  (DATE_PART(EPOCH_MICROSECOND, t) - 3600000000) < 1372636800000000 AS value
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
  GREATEST_IGNORE_NULLS(x, y) AS value
FROM examples;

-- least(i, j, 3)
SELECT
  LEAST_IGNORE_NULLS(i, j, 3) AS value
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
    WHEN ABS(POWER(x, CAST(2 AS DOUBLE))) <= 1.7976931348623157E308
    THEN POWER(x, CAST(2 AS DOUBLE))
  END AS value
FROM examples;

-- starts_with(s, '1')
SELECT
  STARTSWITH(s, '1') AS value
FROM examples;

-- length(s)
SELECT
  LENGTH(s) AS value
FROM examples;

-- hour(t)
SELECT
  DATE_PART(HOUR, CONVERT_TIMEZONE('UTC', t)) AS value
FROM examples;

-- year(d)
SELECT
  DATE_PART(YEAR, d) AS value
FROM examples;

-- extract(week from t)
SELECT
  DATE_PART(WEEKISO, CONVERT_TIMEZONE('UTC', t)) AS value
FROM examples;

-- extract(dow from t)
SELECT
  (DATE_PART(DAYOFWEEKISO, CONVERT_TIMEZONE('UTC', t)) % 7) AS value
FROM examples;

-- extract(isodow from d)
SELECT
  DATE_PART(DAYOFWEEKISO, d) AS value
FROM examples;

-- extract(doy from t)
SELECT
  DATE_PART(DAYOFYEAR, CONVERT_TIMEZONE('UTC', t)) AS value
FROM examples;

-- extract(second from t)
SELECT
  DATE_PART(SECOND, CONVERT_TIMEZONE('UTC', t)) AS value
FROM examples;

-- extract(epoch from t)
SELECT
  CAST(DATE_PART(EPOCH_MICROSECOND, t) AS DOUBLE) / 1000000 AS value
FROM examples;

-- extract(isoyear from d)
SELECT
  DATE_PART(YEAROFWEEKISO, d) AS value
FROM examples;

-- hour(t at time zone 'America/New_York')
SELECT
  DATE_PART(HOUR, CAST(CONVERT_TIMEZONE('America/New_York', t) AS TIMESTAMPNTZ)) AS value
FROM examples;

-- cast(t at time zone 'Europe/Paris' as date) = d
SELECT
  CAST((((DATEDIFF(
    MICROSECOND,
    CAST('1970-01-01' AS TIMESTAMPNTZ),
    CAST(CONVERT_TIMEZONE('Europe/Paris', t) AS TIMESTAMPNTZ)
  ) - (DATEDIFF(
    MICROSECOND,
    CAST('1970-01-01' AS TIMESTAMPNTZ),
    CAST(CONVERT_TIMEZONE('Europe/Paris', t) AS TIMESTAMPNTZ)
  ) % 86400000000 + 86400000000) % 86400000000)) - ((DATEDIFF(
    MICROSECOND,
    CAST('1970-01-01' AS TIMESTAMPNTZ),
    CAST(CONVERT_TIMEZONE('Europe/Paris', t) AS TIMESTAMPNTZ)
  ) - (DATEDIFF(
    MICROSECOND,
    CAST('1970-01-01' AS TIMESTAMPNTZ),
    CAST(CONVERT_TIMEZONE('Europe/Paris', t) AS TIMESTAMPNTZ)
  ) % 86400000000 + 86400000000) % 86400000000)) % 86400000000) / 86400000000 AS BIGINT) = DATEDIFF(DAY, CAST('1970-01-01' AS DATE), d) AS value
FROM examples;

-- date_trunc('week', t) = t
SELECT
  ((DATE_PART(EPOCH_MICROSECOND, t) + 259200000000) - ((DATE_PART(EPOCH_MICROSECOND, t) + 259200000000) % 604800000000 + 604800000000) % 604800000000 - 259200000000) = DATE_PART(EPOCH_MICROSECOND, t) AS value
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
  CHARINDEX('a', s) AS value
FROM examples;

-- ends_with(s, 'a')
SELECT
  ENDSWITH(s, 'a') AS value
FROM examples;

-- log10(x)
SELECT
  CASE WHEN x > 0 THEN LOG(10, x) END AS value
FROM examples;

-- log2(x)
SELECT
  CASE WHEN x > 0 THEN LOG(2, x) END AS value
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
