/*
description: |
  What each flow run got from each source, one row each; a run repeated for the same day counts once: the newest that
  asked anything, so that a repeat which found all fresh does not hide what the night brought.
grain: flow x day x source
key: [flow, as_of, source]
example: |
  select as_of, source, state, n_rows, n_pages from run_log
  where flow = 'nightly-refresh' order by as_of desc, source limit 10
columns:
  flow: VARCHAR; name of the flow
  run_id: VARCHAR; of that run
  as_of: VARCHAR; the day the run was reckoned from, ISO 8601
  source: VARCHAR; a site, dataset (imported files) or warehouse (what was built)
  state: VARCHAR; ok, empty, missing, blocked, limited, broken, refused, unreachable or idle (nothing to ask for)
  n_rows: BIGINT; rows landed
  n_pages: BIGINT; pages and bodies read
  bytes: BIGINT; bytes, of all bodies
  started_at: TIMESTAMP WITH TIME ZONE; when
  ended_at: TIMESTAMP WITH TIME ZONE; when
tests:
  not_null: [state]
  accepted:
    state: [ok, empty, missing, blocked, limited, broken, refused, unreachable, idle]
  range: {n_rows: [0, null], n_pages: [0, null], bytes: [0, null]}
incremental:
  by: [flow, as_of, source]
  reads:
    raw.ostinato_run_log: [flow, as_of, source]
*/
select
    flow,
    run_id,
    as_of,
    source,
    state,
    n_rows,
    n_pages,
    bytes,
    started_at,
    ended_at
from raw.ostinato_run_log as run
where flow is not null and as_of is not null and source is not null
qualify row_number() over (
    partition by flow, as_of, source
    order by n_pages > 0 desc, ended_at desc nulls last, started_at desc nulls last, run
) = 1
