"""What the tests of COMET and BLEURT share: samples, and the folders of tiny models."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from scalemt.evaluation.metrics import Metric, MetricContext, build_metric
from scalemt.evaluation.systems import Output, System, TestSet

SOURCES = """
The old clock in the hall stopped at midnight.
She painted the fence green last summer.
They found a small boat on the beach.
The baker opens his shop before sunrise.
We could hear the children singing in the yard.
Turn left after the second bridge.
""".strip().splitlines()
TARGETS = """
O velho relógio do corredor parou à meia-noite.
Ela pintou a cerca de verde no verão passado.
Eles acharam um barco pequeno na praia.
O padeiro abre a loja antes do nascer do sol.
Ouvíamos as crianças cantando no pátio.
Vire à esquerda depois da segunda ponte.
""".strip().splitlines()


def rows() -> list[dict[str, str]]:
    """Outputs good and bad, some of them blank, one far beyond the encoders' 64 positions."""
    usual = [
        {"src": source, "mt": TARGETS[(index * shift) % 6], "ref": TARGETS[index]}
        for shift in (1, 5)
        for index, source in enumerate(SOURCES)
    ]
    blank = [{"src": "", "mt": "", "ref": ""}, {"src": SOURCES[0], "mt": "", "ref": TARGETS[0]}]
    return [*usual, *blank, {"src": SOURCES[2] * 40, "mt": TARGETS[2] * 50, "ref": TARGETS[2] * 60}]


@dataclass(frozen=True)
class NeuralModels:
    """Folders of tiny models, N samples, and what each library gives for them when it is called directly."""

    folder: Path
    python: Path
    samples: list[dict[str, str]]
    expected: dict[str, list[float]]
    _built: dict[str, Metric] = field(default_factory=dict)

    def metric(self, spec: str) -> Metric:
        """A metric on one of the folders, as `comet:tiny-comet-da`; built once, for each starts a process."""
        if spec not in self._built:
            name, _, model = spec.partition(":")
            self._built[spec] = build_metric(f"{name}:{self.folder / model}", MetricContext(threads=1))
        return self._built[spec]

    @property
    def test_set(self) -> TestSet:
        """The samples as a test set of one reference."""
        return TestSet(
            "tiny", tuple(row["src"] for row in self.samples), (tuple(row["ref"] for row in self.samples),)
        )

    @property
    def system(self) -> System:
        """The samples' outputs."""
        return System("a", tuple(Output(row["mt"]) for row in self.samples))
