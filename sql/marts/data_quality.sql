/*
description: |
  What the checks of each run found, one row per check: of a night's runs the newest, and every one that was stopped, so
  that a night that is repeated counts once and the reason of a stop stays.
grain: check x run
key: [as_of, run_id, check]
example: |
  select as_of, run_id, "check", severity, failing_rows from data_quality
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
with
finding as (
    select
        "check",
        severity,
        failing_rows,
        run_id,
        checked_at,
        as_of
    from raw.ostinato_data_quality as noted
    where "check" is not null and run_id is not null and as_of is not null
    qualify row_number() over (
        partition by as_of, run_id, "check" order by checked_at desc nulls last, noted
    ) = 1
),

run as (
    select
        as_of,
        run_id,
        bool_or(severity = 'error' and failing_rows > 0) as is_stopped,
        row_number() over (
            partition by as_of order by max(checked_at) desc nulls last, run_id desc
        ) = 1 as is_newest
    from finding
    group by as_of, run_id
)

select finding.*
from finding
join run using (as_of, run_id)
where run.is_newest or run.is_stopped
