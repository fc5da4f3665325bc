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
  CASE WHEN ABS(x) < 9.2E18 THEN CAST(x AS BIGINT) END AS value
FROM examples;

-- cast(s as bigint)
SELECT
  CASE WHEN TRIM(s) RLIKE '^[+-]?[0-9]{1,19}$' THEN TRY_CAST(TRIM(s) AS BIGINT) END AS value
FROM examples;

-- cast(s as double)
SELECT
  CASE
    WHEN TRIM(s) RLIKE '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$'
    THEN TRY_CAST(TRIM(s) AS DOUBLE)
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
  CASE WHEN ABS(x) < 9.2E18 THEN CAST(FLOOR(x) AS DOUBLE) ELSE x END AS value
FROM examples;

-- i div j
SELECT
  i DIV NULLIF(j, 0) AS value
FROM examples;

-- round(x, 1)
SELECT
  (SIGN(x) * CASE
    WHEN ABS(ABS(x) * 10 + 0.5) < 9.2E18
    THEN CAST(FLOOR(ABS(x) * 10 + 0.5) AS DOUBLE)
    ELSE ABS(x) * 10 + 0.5
  END / 10) AS value
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
  EXTRACT(HOUR FROM TIMESTAMPADD(MICROSECOND, UNIX_MICROS(t), CAST('1970-01-01' AS TIMESTAMP_NTZ))) AS value
FROM examples;

-- year(d)
SELECT
  EXTRACT(YEAR FROM d) AS value
FROM examples;

-- extract(week from t)
SELECT
  EXTRACT(WEEK FROM TIMESTAMPADD(MICROSECOND, UNIX_MICROS(t), CAST('1970-01-01' AS TIMESTAMP_NTZ))) AS value
FROM examples;

-- extract(dow from t)
SELECT
  (EXTRACT(DAYOFWEEK_ISO FROM TIMESTAMPADD(MICROSECOND, UNIX_MICROS(t), CAST('1970-01-01' AS TIMESTAMP_NTZ))) % 7) AS value
FROM examples;

-- extract(isodow from d)
SELECT
  EXTRACT(DAYOFWEEK_ISO FROM d) AS value
FROM examples;

-- extract(doy from t)
SELECT
  EXTRACT(DOY FROM TIMESTAMPADD(MICROSECOND, UNIX_MICROS(t), CAST('1970-01-01' AS TIMESTAMP_NTZ))) AS value
FROM examples;

-- extract(second from t)
SELECT
  CAST(FLOOR(EXTRACT(SECOND FROM TIMESTAMPADD(MICROSECOND, UNIX_MICROS(t), CAST('1970-01-01' AS TIMESTAMP_NTZ)))) AS BIGINT) AS value
FROM examples;

-- extract(epoch from t)
SELECT
  CAST(UNIX_MICROS(t) AS DOUBLE) / 1000000 AS value
FROM examples;

-- extract(isoyear from d)
SELECT
  EXTRACT(YEAROFWEEK FROM d) AS value
FROM examples;

-- hour(t at time zone 'America/New_York')
SELECT
  EXTRACT(HOUR FROM CONVERT_TIMEZONE(
    'UTC',
    'America/New_York',
    TIMESTAMPADD(MICROSECOND, UNIX_MICROS(t), CAST('1970-01-01' AS TIMESTAMP_NTZ))
  )) AS value
FROM examples;

-- cast(t at time zone 'Europe/Paris' as date) = d
SELECT
  (UNIX_MICROS(
    CAST(CONCAT(
      CAST(CONVERT_TIMEZONE('UTC', 'Europe/Paris', TIMESTAMPADD(MICROSECOND, UNIX_MICROS(t), CAST('1970-01-01' AS TIMESTAMP_NTZ))) AS STRING),
      'Z'
    ) AS TIMESTAMP)
  ) - (UNIX_MICROS(
    CAST(CONCAT(
      CAST(CONVERT_TIMEZONE('UTC', 'Europe/Paris', TIMESTAMPADD(MICROSECOND, UNIX_MICROS(t), CAST('1970-01-01' AS TIMESTAMP_NTZ))) AS STRING),
      'Z'
    ) AS TIMESTAMP)
  ) % 86400000000 + 86400000000) % 86400000000) DIV 86400000000 = UNIX_DATE(d) AS value
FROM examples;

-- date_trunc('week', t) = t
SELECT
  ((UNIX_MICROS(t) + 259200000000) - ((UNIX_MICROS(t) + 259200000000) % 604800000000 + 604800000000) % 604800000000 - 259200000000) = UNIX_MICROS(t) AS value
FROM examples;

-- date_trunc('month', d) = d
SELECT
  (UNIX_DATE(CAST(TRUNC(DATE_FROM_UNIX_DATE(CAST(UNIX_DATE(d) AS INT)), 'MONTH') AS DATE)) * 1) = UNIX_DATE(d) AS value
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
  LOCATE('a', s) AS value
FROM examples;

-- ends_with(s, 'a')
SELECT
  ENDSWITH(s, 'a') AS value
FROM examples;

-- log10(x)
SELECT
  CASE WHEN x > 0 THEN LOG10(x) END AS value
FROM examples;

-- log2(x)
SELECT
  CASE WHEN x > 0 THEN LOG2(x) END AS value
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
