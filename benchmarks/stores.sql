-- Fills the tracking room's tables from `numbers (n)`, which holds 0, 1, 2 ...; runs begin at 1.
-- $identity is the id of run n, $chance a number from 0 to 1.
INSERT INTO runs (number, id, experiment, name, status, person, started_ms, ended_ms)
SELECT n, $identity, $experiment, 'run' || n, 'finished', 'me', $began + n * 1000, $began + n * 1000 + 900
FROM numbers WHERE n BETWEEN 1 AND $runs;

INSERT INTO lineage_nodes (id, kind, title, facts, at)
SELECT $identity, 'run', 'run' || n, '{"experiment":"bench"}', '2023-11-14T22:13:20.000000Z'
FROM numbers WHERE n BETWEEN 1 AND $runs;

INSERT INTO events (name, subject, at, payload)
SELECT 'RunStarted', $identity, '2023-11-14T22:13:20.000000Z',
  '{"subject":"' || $identity || '","experiment":"bench","name":"run' || n || '"}'
FROM numbers WHERE n BETWEEN 1 AND $runs;

INSERT INTO run_params (run, key, value, kind, start)
SELECT run.n, 'p' || few.n, CAST(CAST($chance * 10 - 0.5 AS INTEGER) AS TEXT), 'text', ''
FROM numbers AS run CROSS JOIN numbers AS few WHERE run.n BETWEEN 1 AND $runs AND few.n < 5;

UPDATE run_params SET start = value;

INSERT INTO run_tags (run, key, value, start)
SELECT run.n, 't' || few.n, CAST(CAST($chance * 5 - 0.5 AS INTEGER) AS TEXT), ''
FROM numbers AS run CROSS JOIN numbers AS few WHERE run.n BETWEEN 1 AND $runs AND few.n < 3;

UPDATE run_tags SET start = value;

INSERT INTO run_metrics (run, key, series, step, at, value)
SELECT run.n, 'm' || few.n, (run.n - 1) * $series + few.n + 1, $steps - 1, $began + run.n * 1000 + $steps - 1, $chance
FROM numbers AS run CROSS JOIN numbers AS few WHERE run.n BETWEEN 1 AND $runs AND few.n < $series
ORDER BY run.n, few.n;

INSERT INTO metric_points (series, at, step, value, nan)
SELECT series, at - $steps + 1 + n, n, CASE WHEN n = $steps - 1 THEN value ELSE $chance END, 0
FROM run_metrics CROSS JOIN (SELECT n FROM numbers WHERE n < $steps ORDER BY n) AS few;
