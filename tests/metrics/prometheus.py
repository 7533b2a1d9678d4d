"""Prometheus' text form as Prometheus reads it: strictly, with types, and histograms that have to be such."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$", re.ASCII)
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)', re.ASCII)


class Metrics:
    """What one answer of `/metrics` says. Fails where it is not Prometheus' form."""

    def __init__(self, text: str) -> None:
        assert text.endswith("\n")
        self.types: dict[str, str] = {}
        self.samples: dict[str, list[tuple[dict[str, str], float]]] = {}
        self._helped: set[str] = set()
        for line in text.splitlines():
            self._line(line)
        for name, kind in self.types.items():
            assert name in self._helped, name
            if kind == "histogram":
                self._check_histogram(name)

    def _line(self, line: str) -> None:
        if line.startswith("# HELP "):
            self._helped.add(line.split(" ", 3)[2])
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in self.types, f"{name} twice"
            self.types[name] = kind
        else:
            found = _SAMPLE.match(line)
            assert found, line
            name, labels, value = found.groups()
            assert "".join(m.group() for m in _LABEL.finditer(labels or "")) == (labels or ""), line
            named = dict(_LABEL.findall(labels or ""))
            before = self.samples.setdefault(name, [])
            assert named not in [labels for labels, _ in before], f"twice: {line}"
            assert self._family(name) in self.types, line
            before.append((named, float(value)))

    def _family(self, name: str) -> str:
        base = re.sub(r"_(bucket|count|sum)$", "", name)
        return base if self.types.get(base) == "histogram" else name

    def _check_histogram(self, name: str) -> None:
        for labels, count in self.samples.get(f"{name}_count", []):
            found = [
                (float(of["le"]), value)
                for of, value in self.samples[f"{name}_bucket"]
                if {k: v for k, v in of.items() if k != "le"} == labels
            ]
            assert [le for le, _ in found] == sorted(le for le, _ in found)
            assert [n for _, n in found] == sorted(n for _, n in found)
            assert found[-1] == (float("inf"), count)

    def value(self, name: str, **labels: str) -> float:
        """The sum of all samples that have these labels."""
        found = self.samples.get(name, [])
        return sum(v for of, v in found if all(of.get(k) == w for k, w in labels.items()))

    def counters(self) -> Mapping[tuple[str, str], float]:
        """Everything that must never go back."""
        return {
            (name, str(sorted(labels.items()))): value
            for name, samples in self.samples.items()
            if self.types[self._family(name)] in ("counter", "histogram")
            for labels, value in samples
        }
