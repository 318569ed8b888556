"""The torch twin gives the probabilities of the numpy network, and can be taught."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalemt.specialists.bergamot.marian import read_model
from scalemt.specialists.bergamot.network import Network
from scalemt.specialists.bergamot.search import force
from specialists.bergamot.small_models import CONFIG, marian_bytes, random_tensors

torch = pytest.importorskip("torch", reason="the extra 'training' is not installed")

pytestmark = pytest.mark.slow

SOURCES = [[5, 9, 3, 0], [7, 0], [11, 12, 13, 14, 15, 16, 0]]
TARGETS = [[4, 4, 0], [8, 19, 2, 6, 0], [0]]


def model_file(folder: Path, *, shared: bool = True, **config: object) -> Path:
    tensors = random_tensors((30, 30), shared=shared)
    if config.get("output-omit-bias"):
        del tensors["decoder_ff_logit_out_b"]
    path = folder / "model.bin"
    path.write_bytes(marian_bytes(CONFIG | config, tensors))
    return path


@pytest.mark.parametrize(
    ("shared", "config"),
    [
        (True, {}),
        (True, {"transformer-ffn-activation": "swish"}),
        (False, {"tied-embeddings-all": False, "tied-embeddings": True}),
        (True, {"output-omit-bias": True}),
    ],
)
def test_log_probabilities_are_those_of_the_engine(
    tmp_path: Path, shared: bool, config: dict[str, object]
) -> None:
    from scalemt.training.bergamot.examples import collate
    from scalemt.training.bergamot.twin import Twin

    model = read_model(model_file(tmp_path, shared=shared, **config))
    network = Network(model)
    expected = force(network, network.encode(SOURCES), network.output_layer(None), TARGETS)
    batch = collate([[(tuple(one), tuple(other)) for one, other in zip(SOURCES, TARGETS, strict=True)]])
    twin = Twin(model).eval()
    with torch.no_grad():
        found = twin.logprobs(**batch)
        loss = float(twin(**batch)["loss"].detach())
    for row, logprobs in enumerate(expected):
        assert found[row, : len(logprobs)].tolist() == pytest.approx(logprobs, abs=2e-5)
        assert not found[row, len(logprobs) :].any()
    flat = [one for row in expected for one in row]
    assert loss == pytest.approx(-sum(flat) / len(flat), abs=2e-5)


def test_it_learns_and_hands_its_weights_back(tmp_path: Path) -> None:
    from scalemt.training.bergamot.examples import collate
    from scalemt.training.bergamot.twin import Twin

    model = read_model(model_file(tmp_path))
    twin = Twin(model, dropout=0.1, smoothing=0.1)
    batch = collate([[(tuple(one), tuple(other)) for one, other in zip(SOURCES, TARGETS, strict=True)]])
    optimizer = torch.optim.Adam(twin.parameters(), 0.01)
    torch.manual_seed(1)
    losses = []
    for _ in range(60):
        loss = twin(**batch)["loss"]
        losses.append(float(loss.detach()))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1] < losses[0] / 2
    tensors = twin.tensors()
    assert tensors.keys() == model.tensors.keys()
    assert all(tensors[name].shape == model.tensors[name].shape for name in tensors)
    assert all((tensors[name] != model.tensors[name]).any() for name in tensors if not name.endswith("_bk"))
