/*
description: How well each model version did, one row per split and metric, the prior's beside its own.
grain: model x version x split x metric
key: [model, version, split, metric]
example: |
  select model, version, metric, value, lower, upper from model_scoreboard
  where metric in ('micro_f1_top3', 'prior_micro_f1_top3') order by model, version, metric
may_shrink: true
columns:
  model: VARCHAR; registered model, the name of its MLflow experiment
  version: VARCHAR; of the registered model
  stage: VARCHAR; champion, challenger or neither, when the row was written
  split: VARCHAR; how folds were grouped
  metric: VARCHAR; as in MLflow, with prefix `prior_` for the popularity prior
  value: DOUBLE; in the metric's own unit
  lower: DOUBLE; lower end of the 95 % interval over groups, in the metric's own unit
  upper: DOUBLE; upper end of the 95 % interval over groups, in the metric's own unit
  trained_at: TIMESTAMP WITH TIME ZONE; when
tests:
  not_null: [value]
*/
select
    model,
    version,
    stage,
    split,
    metric,
    value,
    lower,
    upper,
    trained_at
from raw.ostinato_model_scoreboard as score
where model is not null and version is not null and split is not null and metric is not null
qualify row_number() over (partition by model, version, split, metric order by trained_at desc nulls last, score) = 1
