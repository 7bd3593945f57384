"""What MLflow runs when it serves a registered model: this file and the bundle's text, no pickle.

MLflow keeps a copy of this file beside the bundle and executes it when the model is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from tasks.models.bundle import Bundle
from tasks.models.features import to_matrix


class ServedBundle(PythonModel):
    """A bundle behind MLflow's predict call: a table of features in, a column of probabilities per label out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the bundle that lies beside this file."""
        self.bundle = Bundle.load(Path(context.artifacts["bundle"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Probability that each label is among the true ones, one row per input row."""
        return pd.DataFrame(self.bundle.score(to_matrix(model_input)), columns=list(self.bundle.labels))


set_model(ServedBundle())
