/*
description: What the checks of each night found, one row per check; a night that was run again counts once.
grain: check x night
key: [as_of, check]
example: |
  select as_of, "check", severity, failing_rows from data_quality
  where failing_rows > 0 order by as_of desc, failing_rows desc
columns:
  check: VARCHAR; name of the audit, or table, column and rule
  severity: VARCHAR; error stops publishing, warn is reported
  failing_rows: BIGINT; rows that break it
  run_id: VARCHAR; flow run that looked
  checked_at: TIMESTAMP WITH TIME ZONE; when
  as_of: VARCHAR; the night, ISO 8601
tests:
  not_null: [failing_rows]
  accepted: {severity: [error, warn]}
  range: {failing_rows: [0, null]}
incremental:
  by: [as_of]
  reads:
    raw.ostinato_data_quality: as_of
*/
select
    "check",
    severity,
    failing_rows,
    run_id,
    checked_at,
    as_of
from raw.ostinato_data_quality as finding
where "check" is not null and as_of is not null
qualify row_number() over (partition by as_of, "check" order by checked_at desc nulls last, finding) = 1
