"""What MLflow runs when it serves the model that rates films: this file and the model's text, no pickle.

MLflow keeps a copy of this file beside the text and executes it when the model is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from tasks.models.film_rating import RatingModel


class ServedRating(PythonModel):
    """A rating model behind MLflow's predict call: films before release in, their predicted scores of 0 to 100 out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the text that lies beside this file."""
        self.model = RatingModel.load(Path(context.artifacts["bundle"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """The score that viewers will give each film."""
        return pd.DataFrame({"predicted_score": self.model.predict(model_input) * 10})


set_model(ServedRating())
