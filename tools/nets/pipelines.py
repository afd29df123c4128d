"""Pipelines of scikit-learn on its own data sets, as skl2onnx writes them."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from skl2onnx import to_onnx
from sklearn import datasets
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, RobustScaler, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from nets.subject import Subject

IRIS, WINE, CANCER = datasets.load_iris, datasets.load_wine, datasets.load_breast_cancer
DIGITS, DIABETES = datasets.load_digits, datasets.load_diabetes


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """An estimator and the data it learns."""

    name: str
    make: Callable[[], object]
    load: Callable[..., tuple[np.ndarray, np.ndarray]]


def _mlp() -> MLPClassifier:
    return MLPClassifier((16,), max_iter=1500, random_state=0)


def _forest() -> RandomForestClassifier:
    return RandomForestClassifier(30, random_state=0)


PIPELINES = (
    *(
        pipeline
        for load in (IRIS, WINE, CANCER, DIGITS)
        for pipeline in (
            Pipeline("random_forest", _forest, load),
            Pipeline(
                "gradient_boosting", lambda: GradientBoostingClassifier(n_estimators=30, random_state=0), load
            ),
            Pipeline(
                "logistic", lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)), load
            ),
            Pipeline("mlp", lambda: make_pipeline(StandardScaler(), _mlp()), load),
        )
    ),
    Pipeline("scaled_forest", lambda: make_pipeline(StandardScaler(), _forest()), WINE),
    Pipeline("extra_trees", lambda: ExtraTreesClassifier(30, random_state=0), WINE),
    Pipeline("decision_tree", lambda: DecisionTreeClassifier(random_state=0), CANCER),
    Pipeline("minmax_mlp", lambda: make_pipeline(MinMaxScaler(), _mlp()), WINE),
    Pipeline(
        "ovr_logistic",
        lambda: make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression())),
        WINE,
    ),
    Pipeline("ridge_classifier", lambda: make_pipeline(StandardScaler(), RidgeClassifier()), WINE),
    Pipeline("linear_svc", lambda: LinearSVC(random_state=0), IRIS),
    Pipeline("pca_logistic", lambda: make_pipeline(StandardScaler(), PCA(16), LogisticRegression()), DIGITS),
    Pipeline("pca_forest", lambda: make_pipeline(StandardScaler(), PCA(6), _forest()), CANCER),
    Pipeline("norm_logistic", lambda: make_pipeline(Normalizer(), LogisticRegression()), DIGITS),
    Pipeline("tree_regressor", lambda: DecisionTreeRegressor(max_depth=5, random_state=0), DIABETES),
    Pipeline("forest_regressor", lambda: RandomForestRegressor(30, max_depth=6, random_state=0), DIABETES),
    Pipeline("boosted_regressor", lambda: GradientBoostingRegressor(random_state=0), DIABETES),
    Pipeline("ridge", lambda: make_pipeline(RobustScaler(), Ridge()), DIABETES),
    Pipeline(
        "mlp_regressor",
        lambda: make_pipeline(
            StandardScaler(), MLPRegressor(hidden_layer_sizes=(16,), max_iter=3000, random_state=0)
        ),
        DIABETES,
    ),
)


def subjects(folder: Path, only: Sequence[str]) -> Iterator[Subject]:
    """Every pipeline, trained on two thirds of its data and evaluated on the rest."""
    for pipeline in PIPELINES:
        data = pipeline.load.__name__.removeprefix("load_")
        if only and pipeline.name not in only:
            continue
        x, y = pipeline.load(return_X_y=True)
        train, test, labels, _ = train_test_split(x.astype(np.float32), y, test_size=1 / 3, random_state=0)
        path = folder / f"{pipeline.name}-{data}.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = to_onnx(pipeline.make().fit(train, labels), train[:1])
        _set_batch(model)
        path.write_bytes(model.SerializeToString())
        name = model.graph.input[0].name
        yield Subject(f"{pipeline.name}, {data}", "skl2onnx", path, name, train[:128, None], test[:256, None])


def _set_batch(model: onnx.ModelProto) -> None:
    """Rows one by one."""
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
