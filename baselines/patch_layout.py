"""What the names of a problem's entries tell of its synthesizer.

Names are `module.parameter`, of a choice `module.parameter=option`, and of the switch of a
connection `module.modulator_from_other`. A source is a module with an amplitude, `module.amp`. A
synthesizer with other names has no sources, and a solver then does without what they are for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Of a switch that is set.
ON, OFF = 0.75, 0.25
_MODULATOR = "modulator_from_"


@dataclass(frozen=True)
class Part:
    """Entries that are looked for together while all else stays.

    Args:
        entries: those to draw anew; switches to set are not among them.
        amp: entry of the amplitude, of a source; None of a modulator.
        switches: entries that switch the part on.
        rivals: entries that switch the other sources on.
        shared: those among the entries that other sources are modulated by too.
    """

    entries: tuple[int, ...]
    amp: int | None
    switches: tuple[int, ...]
    rivals: tuple[int, ...]
    shared: tuple[int, ...] = ()


@dataclass(frozen=True)
class Layout:
    """Entries by what they are.

    Args:
        owners: module of each entry.
        choices: entries of each choice.
        smooth: all other entries.
        amps: entry of the amplitude of each source.
        switches: entry that switches a module on, by module.
        twins: pairs of equally many entries, of two sources and what modulates each alone, that can
            change places.
        parts: each source, with what modulates it alone, and once more with all that modulates it;
            and each modulator, with how deep it modulates.
    """

    owners: tuple[str, ...]
    choices: tuple[tuple[int, ...], ...]
    smooth: tuple[int, ...]
    amps: Mapping[str, int]
    switches: Mapping[str, int]
    twins: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    parts: tuple[Part, ...]

    def settled(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The points `(n, d)`, each choice fully at its best option: alike where they sound so."""
        points = points.copy()
        for choice in self.choices:
            entries = list(choice)
            points[:, entries] = np.eye(len(entries))[points[:, entries].argmax(axis=1)]
        return points


def read_layout(names: Sequence[str]) -> Layout:
    """The layout of a problem whose entries have these names."""
    owners = tuple(name.split(".")[0] for name in names)
    by_parameter: dict[str, list[int]] = {}
    for entry, name in enumerate(names):
        if "=" in name:
            by_parameter.setdefault(name.split("=")[0], []).append(entry)
    choices = tuple(tuple(entries) for entries in by_parameter.values())
    chosen = {entry for choice in choices for entry in choice}
    amps = {owners[e]: e for e, name in enumerate(names) if name.endswith(".amp")}
    switches = {owners[e]: e for e, name in enumerate(names) if name.endswith(".active")}
    modulators = _modulators(names)
    return Layout(
        owners=owners,
        choices=choices,
        smooth=tuple(entry for entry in range(len(names)) if entry not in chosen),
        amps=amps,
        switches=switches,
        twins=_twins(names, list(amps), modulators),
        parts=_parts(names, amps, switches, modulators),
    )


def _modulators(names: Sequence[str]) -> dict[str, set[str]]:
    """The modules that modulate each module."""
    found: dict[str, set[str]] = {}
    for name in names:
        owner, _, parameter = name.partition(".")
        if parameter.startswith(_MODULATOR):
            found.setdefault(owner, set()).add(parameter.removeprefix(_MODULATOR))
    return found


def _twins(
    names: Sequence[str], sources: Sequence[str], modulators: Mapping[str, set[str]]
) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    def shared(a: str, b: str) -> list[tuple[int, int]]:
        of_a, of_b = _by_parameter(names, a), _by_parameter(names, b)
        return [(of_a[key], of_b[key]) for key in of_a if key in of_b]

    found = []
    for at, a in enumerate(sources):
        for b in sources[at + 1 :]:
            pairs = shared(a, b)
            for one, two in zip(
                sorted(modulators.get(a, set()) - modulators.get(b, set())),
                sorted(modulators.get(b, set()) - modulators.get(a, set())),
                strict=False,
            ):
                pairs += shared(one, two)
            found.append((tuple(i for i, _ in pairs), tuple(j for _, j in pairs)))
    return tuple(found)


def _by_parameter(names: Sequence[str], owner: str) -> dict[str, int]:
    """Entries of a module; a connection counts alike wherever it comes from."""
    found = {}
    for entry, name in enumerate(names):
        if name.split(".")[0] == owner:
            parameter = name.partition(".")[2]
            found[_MODULATOR if parameter.startswith(_MODULATOR) else parameter] = entry
    return found


def _reached(modules: set[str], modulators: Mapping[str, set[str]]) -> set[str]:
    """Some modules, and whatever modulates them or their modulators."""
    found, new = set(modules), set(modules)
    while new:
        new = {m for module in new for m in modulators.get(module, set())} - found
        found |= new
    return found


def _parts(
    names: Sequence[str],
    amps: Mapping[str, int],
    switches: Mapping[str, int],
    modulators: Mapping[str, set[str]],
) -> tuple[Part, ...]:
    users: dict[str, set[str]] = {}
    for user, its in modulators.items():
        for modulator in its:
            users.setdefault(modulator, set()).add(user)

    def entries_of(modules: set[str]) -> list[int]:
        return [e for e, name in enumerate(names) if name.split(".")[0] in modules]

    found = []
    for source, amp in amps.items():
        modules = {source}
        while True:
            more = {m for m, its in users.items() if its <= modules} - modules
            if not more:
                break
            modules |= more
        own = [switches[source]] if source in switches else []
        entries = tuple(e for e in entries_of(modules) if e not in own)
        rivals = tuple(e for module, e in switches.items() if module in amps and module != source)
        found.append(Part(entries, amp, tuple(own), rivals))
        others = _reached(modules, modulators) - modules
        if others:
            shared = tuple(entries_of(others))
            found.append(Part((*entries, *shared), amp, tuple(own), rivals, shared))
    return (*found, *_modulator_parts(names, amps, modulators, users))


def _modulator_parts(
    names: Sequence[str],
    amps: Mapping[str, int],
    modulators: Mapping[str, set[str]],
    users: Mapping[str, set[str]],
) -> list[Part]:
    """What has a pitch and no amplitude: it modulates what names it, or all that has a depth."""
    owners = [name.split(".")[0] for name in names]
    deep = {owner for owner in owners if f"{owner}.depth" in names}
    found = []
    for module in dict.fromkeys(owners):
        if module in amps or f"{module}.freq" not in names:
            continue
        its = users.get(module, deep - {module})
        own = _reached({module}, modulators)
        depths = {f"{user}.depth" for user in its}
        switches = {f"{user}.{_MODULATOR}{module}" for user in its}
        entries = [e for e, owner in enumerate(owners) if owner in own]
        entries += [e for e, name in enumerate(names) if name in depths and e not in entries]
        switched = tuple(e for e, name in enumerate(names) if name in switches)
        found.append(Part(tuple(entries), None, switched, ()))
    return found
