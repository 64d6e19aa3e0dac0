"""scikit-learn's MLPClassifier: only SGD, and only linear layers with ReLU or tanh between them."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.neural_network import MLPClassifier
from workloads import Workload

from peers import CannotError


class Classifier:
    """Its own loop over the batches of one ``fit``, in the order of the rows: faster than ``partial_fit`` for each."""

    def __init__(self, work: Workload, threads: int) -> None:
        kinds = {layer.kind for layer in work.layers}
        hidden = [layer.kind for layer in work.layers if layer.kind != "linear"]
        if work.optimizer != "sgd" or not kinds <= {"linear", "relu", "tanh"} or len(set(hidden)) > 1:
            raise CannotError("it has no such layers or optimizer")
        self.work, self.threads = work, threads
        sizes = [layer.out for layer in work.layers if layer.kind == "linear"]
        self.model = MLPClassifier(
            sizes[:-1],
            activation=hidden[0],
            solver="sgd",
            alpha=0,
            momentum=0,
            batch_size=work.batch,
            learning_rate_init=work.rate,
            shuffle=False,
            max_iter=1,
            warm_start=True,
        )
        warnings.simplefilter("ignore")  # one epoch does not converge
        self.model.partial_fit(work.x[: work.batch], work.y[: work.batch], classes=np.unique(work.y))
        arrays = [arrays for arrays in work.weights() if arrays]
        for i, (weight, bias) in enumerate(arrays):
            self.model.coefs_[i][...] = weight
            self.model.intercepts_[i][...] = bias

    def prepare(self, rows: np.ndarray) -> np.ndarray:
        return rows.reshape(-1)

    def run(self, prepared: np.ndarray) -> None:
        self.model.fit(self.work.x[prepared], self.work.y[prepared])

    def losses(self, rows: np.ndarray) -> np.ndarray:
        found = []
        for row in rows:
            self.model.partial_fit(self.work.x[row], self.work.y[row])
            found.append(self.model.loss_)
        return np.array(found)
