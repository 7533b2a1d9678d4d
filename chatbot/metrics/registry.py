"""Metrics in Prometheus' text form. What is shared state already is read when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Samples = Callable[[], Mapping[tuple[str, ...], float]]
"""Gives values by label values."""


class Registry:
    """The metrics of this server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()

    def gauge(self, name: str, text: str, labels: Sequence[str], samples: Samples) -> None:
        """A gauge whose values are `samples()` at the time of asking."""
        self._registry.register(_Gauge(name, text, labels, samples))

    def text(self) -> bytes:
        """All metrics, in Prometheus' text form."""
        return generate_latest(self._registry)


class _Gauge:
    def __init__(self, name: str, text: str, labels: Sequence[str], samples: Samples) -> None:
        self._describe = (name, text)
        self._labels = labels
        self._samples = samples

    def describe(self) -> Iterator[Metric]:
        """Asked for at registration, when no value is to be read yet."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        name, text = self._describe
        family = GaugeMetricFamily(name, text, labels=self._labels)
        for values, value in self._samples().items():
            family.add_metric(values, value)
        yield family
