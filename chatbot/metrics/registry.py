"""Metrics in Prometheus' text form. What is shared state already is read when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from chatbot.metrics.families import COUNTER, FAMILIES, HISTOGRAM, Family
from chatbot.metrics.folder import Counts

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

    def counted(self, read: Callable[[], Counts]) -> None:
        """All that workers count."""
        self._registry.register(_Counted(read))

    def text(self) -> bytes:
        """All metrics, in Prometheus' text form."""
        return generate_latest(self._registry)


class _Collector:
    def describe(self) -> Iterator[Metric]:
        """Asked for at registration, when no value is to be read yet."""
        return iter(())


class _Gauge(_Collector):
    def __init__(self, name: str, text: str, labels: Sequence[str], samples: Samples) -> None:
        self._describe = (name, text)
        self._labels = labels
        self._samples = samples

    def collect(self) -> Iterator[Metric]:
        yield _gauge(*self._describe, self._labels, self._samples())


class _Counted(_Collector):
    def __init__(self, read: Callable[[], Counts]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        counts = self._read()
        by_family: dict[str, dict[tuple[str, ...], list[float]]] = {}
        for (name, labels), values in counts.series.items():
            by_family.setdefault(name, {})[labels] = values
        for family in FAMILIES:
            # What has no labels is there from the begin, at 0: a rule can't tell absence from well-being.
            nothing: dict[tuple[str, ...], list[float]] = (
                {} if family.labels else {(): [0.0] * family.size}
            )
            yield _metric(family, by_family.get(family.name, nothing))
        yield from _workers(counts.workers)


def _workers(workers: Sequence[Mapping[str, Any]]) -> Iterator[Metric]:
    yield _gauge("chatbot_workers", "Workers that live.", (), {(): len(workers)})
    names = ("version", "configuration")
    builds = {tuple(str(w.get(name, "")) for name in names): 1.0 for w in workers}
    yield _gauge(
        "chatbot_build_info", "Version and configuration of the workers that live.", names, builds
    )


def _gauge(
    name: str, text: str, labels: Sequence[str], samples: Mapping[tuple[str, ...], float]
) -> Metric:
    metric = GaugeMetricFamily(name, text, labels=labels)
    for values, value in samples.items():
        metric.add_metric(values, value)
    return metric


def _metric(family: Family, series: Mapping[tuple[str, ...], Sequence[float]]) -> Metric:
    if family.kind == HISTOGRAM:
        histogram = HistogramMetricFamily(family.name, family.text, labels=family.labels)
        ends = [*map(str, family.buckets), "+Inf"]
        for labels, (total, *counts) in series.items():
            histogram.add_metric(
                labels, list(zip(ends, accumulate(counts), strict=True)), sum_value=total
            )
        return histogram
    if family.kind == COUNTER:
        counter = CounterMetricFamily(family.name, family.text, labels=family.labels)
        for labels, (value,) in series.items():
            counter.add_metric(labels, value)
        return counter
    return _gauge(
        family.name, family.text, family.labels, {k: value for k, (value,) in series.items()}
    )
