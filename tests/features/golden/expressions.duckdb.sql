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
  s = 'it''s' AS value
FROM examples;

-- cast(x as bigint)
SELECT
  CASE WHEN ABS(x) < 9.2E18 THEN CAST(TRUNC(x) AS BIGINT) END AS value
FROM examples;

-- cast(s as bigint)
SELECT
  CASE WHEN REGEXP_MATCHES(TRIM(s), '^[+-]?[0-9]{1,19}$') THEN TRY_CAST(TRIM(s) AS BIGINT) END AS value
FROM examples;

-- cast(s as double)
SELECT
  CASE
    WHEN REGEXP_MATCHES(TRIM(s), '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$')
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
  ((d - CAST('1970-01-01' AS DATE)) + 1) = 15894 AS value
FROM examples;

-- t - interval '1 hour' < '2013-07-01'
SELECT
  (EPOCH_US(t) - 3600000000) < 1372636800000000 AS value
FROM examples;

-- floor(x)
SELECT
  FLOOR(x) AS value
FROM examples;

-- i div j
SELECT
  i // NULLIF(j, 0) AS value
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
    WHEN ABS(POWER(x, CAST(2 AS DOUBLE))) <= 1.7976931348623157E308
    THEN POWER(x, CAST(2 AS DOUBLE))
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
  EXTRACT(HOUR FROM MAKE_TIMESTAMP(EPOCH_US(t))) AS value
FROM examples;

-- year(d)
SELECT
  EXTRACT(YEAR FROM d) AS value
FROM examples;

-- extract(week from t)
SELECT
  EXTRACT(WEEK FROM MAKE_TIMESTAMP(EPOCH_US(t))) AS value
FROM examples;

-- extract(dow from t)
SELECT
  EXTRACT(DAYOFWEEK FROM MAKE_TIMESTAMP(EPOCH_US(t))) AS value
FROM examples;

-- extract(isodow from d)
SELECT
  EXTRACT(ISODOW FROM d) AS value
FROM examples;

-- extract(doy from t)
SELECT
  EXTRACT(DAYOFYEAR FROM MAKE_TIMESTAMP(EPOCH_US(t))) AS value
FROM examples;

-- extract(second from t)
SELECT
  EXTRACT(SECOND FROM MAKE_TIMESTAMP(EPOCH_US(t))) AS value
FROM examples;

-- extract(epoch from t)
SELECT
  CAST(EPOCH_US(t) AS DOUBLE) / 1000000 AS value
FROM examples;

-- extract(isoyear from d)
SELECT
  EXTRACT(ISOYEAR FROM d) AS value
FROM examples;

-- hour(t at time zone 'America/New_York')
SELECT
  EXTRACT(HOUR FROM TIMEZONE('America/New_York', t)) AS value
FROM examples;

-- cast(t at time zone 'Europe/Paris' as date) = d
SELECT
  (EPOCH_US(TIMEZONE('Europe/Paris', t)) - (EPOCH_US(TIMEZONE('Europe/Paris', t)) % 86400000000 + 86400000000) % 86400000000) // 86400000000 = (d - CAST('1970-01-01' AS DATE)) AS value
FROM examples;

-- date_trunc('week', t) = t
SELECT
  ((EPOCH_US(t) + 259200000000) - ((EPOCH_US(t) + 259200000000) % 604800000000 + 604800000000) % 604800000000 - 259200000000) = EPOCH_US(t) AS value
FROM examples;

-- date_trunc('month', d) = d
SELECT
  ((CAST(DATE_TRUNC('MONTH', (CAST('1970-01-01' AS DATE) + CAST((d - CAST('1970-01-01' AS DATE)) AS INT))) AS DATE) - CAST('1970-01-01' AS DATE)) * 1) = (d - CAST('1970-01-01' AS DATE)) AS value
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
  STRPOS(s, 'a') AS value
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
