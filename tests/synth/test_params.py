"""Parameter maps, the hard choices and their straight-through gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from synthgym.errors import ParameterError, UnknownNameError
from synthgym.synth import Choice, Linear, Log, ParamSpace, Switch

UNIT = st.floats(0.0, 1.0)
LINEAR_RANGES = st.tuples(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6)).map(lambda r: (r[0], sum(r)))
LOG_RANGES = st.tuples(st.floats(1e-4, 1e4), st.floats(1.01, 1e6)).map(
    lambda r: (r[0], r[0] * r[1])
)
OPTIONS = ("sine", "square", "saw")


def one(spec: Linear | Log | Choice | Switch) -> ParamSpace:
    return ParamSpace((("node", spec),))


def decode(spec: Linear | Log | Choice | Switch, *entries: float) -> torch.Tensor:
    unit = torch.tensor([entries], dtype=torch.float64)
    return one(spec).decode(unit)["node"][spec.name][0]


@given(LINEAR_RANGES, UNIT)
def test_linear_unit_to_value_and_back(limits: tuple[float, float], unit: float) -> None:
    spec = Linear("x", *limits)
    value = float(decode(spec, unit))
    assert limits[0] - 1e-9 * abs(limits[0]) <= value <= limits[1] + 1e-9 * abs(limits[1])
    # A narrow range far from zero keeps fewer digits of the unit entry.
    digits = 1e-15 * max(abs(limits[0]), abs(limits[1])) / (limits[1] - limits[0])
    assert spec.to_unit(value)[0] == pytest.approx(unit, abs=1e-12 + 8 * digits)


@given(LINEAR_RANGES, UNIT)
def test_linear_value_to_unit_and_back(limits: tuple[float, float], share: float) -> None:
    low, high = limits
    value = min(max(low + share * (high - low), low), high)
    (unit,) = Linear("x", low, high).to_unit(value)
    assert 0 <= unit <= 1
    assert float(decode(Linear("x", low, high), unit)) == pytest.approx(
        value, rel=1e-12, abs=1e-12 * (high - low)
    )


@given(LOG_RANGES, UNIT)
def test_log_unit_to_value_and_back(limits: tuple[float, float], unit: float) -> None:
    spec = Log("x", *limits)
    value = float(decode(spec, unit))
    assert limits[0] * (1 - 1e-12) <= value <= limits[1] * (1 + 1e-12)
    assert spec.to_unit(value)[0] == pytest.approx(unit, abs=1e-11)


@given(LOG_RANGES, UNIT)
def test_log_value_to_unit_and_back(limits: tuple[float, float], share: float) -> None:
    low, high = limits
    value = min(max(low + share * (high - low), low), high)
    (unit,) = Log("x", low, high).to_unit(value)
    assert 0 <= unit <= 1
    assert float(decode(Log("x", low, high), unit)) == pytest.approx(value, rel=1e-11)


def test_maps_are_what_their_names_say() -> None:
    assert float(decode(Linear("x", -2.0, 6.0), 0.25)) == pytest.approx(0.0)
    assert float(decode(Log("x", 10.0, 1000.0), 0.5)) == pytest.approx(100.0)
    for spec in (Linear("x", -2.0, 6.0), Log("x", 10.0, 1000.0)):
        assert float(decode(spec, 0.0)) == pytest.approx(spec.low)
        assert float(decode(spec, 1.0)) == pytest.approx(spec.high)


@given(st.lists(UNIT, min_size=2, max_size=6))
def test_choice_takes_the_first_of_the_largest(entries: list[float]) -> None:
    spec = Choice("shape", tuple(f"o{i}" for i in range(len(entries))))
    weights = decode(spec, *entries)
    expected = [0.0] * len(entries)
    expected[entries.index(max(entries))] = 1.0
    assert weights.tolist() == expected


@pytest.mark.parametrize("option", OPTIONS)
def test_choice_round_trip(option: str) -> None:
    spec = Choice("shape", OPTIONS)
    space = one(spec)
    unit = space.encode({"node": {"shape": option}})
    assert sorted(unit.tolist()) == [0.0, 0.0, 1.0]
    assert space.describe(unit) == {"node": {"shape": {"value": option, "unit": ""}}}


@given(UNIT)
def test_switch_is_on_from_one_half(entry: float) -> None:
    spec = Switch("on")
    gate = float(decode(spec, entry))
    assert gate == (1.0 if entry >= 0.5 else 0.0)
    assert spec.to_unit(gate)[0] == gate
    assert one(spec).describe([entry])["node"]["on"]["value"] is (entry >= 0.5)


@given(st.lists(UNIT, min_size=3, max_size=3), st.sampled_from([0.1, 0.25, 1.0]))
def test_choice_is_hard_forward_and_softmax_backward(
    entries: list[float], temperature: float
) -> None:
    """By design not the true gradient, which is zero wherever it exists: the straight-through one.

    Nobody scores with a blend of waveforms, so the forward pass holds exact zeros and ones; the
    backward pass is that of the softmax, so that a gradient method can change its mind.
    """
    spec = Choice("shape", OPTIONS, temperature=temperature)
    unit = torch.tensor([entries], dtype=torch.float64, requires_grad=True)
    weights = one(spec).decode(unit)["node"]["shape"]
    with torch.no_grad():
        without = one(spec).decode(unit)["node"]["shape"]
    assert set(weights.flatten().tolist()) <= {0.0, 1.0}
    assert float(weights.detach().sum()) == 1.0
    assert torch.equal(weights, without)

    mixture = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64)
    (gradient,) = torch.autograd.grad((weights * mixture).sum(), unit)
    soft = torch.softmax(torch.tensor(entries, dtype=torch.float64) / temperature, 0)
    expected = soft * (mixture - (soft * mixture).sum()) / temperature
    torch.testing.assert_close(gradient[0], expected)

    step = 1e-7
    moved = torch.tensor([[entries[0] + step, *entries[1:]]], dtype=torch.float64)
    changed = not torch.equal(one(spec).decode(moved)["node"]["shape"], without)
    assert not changed or min(abs(entries[0] - e) for e in entries[1:]) <= step


def test_switch_is_hard_forward_and_the_identity_backward() -> None:
    """By design not the true gradient, which is zero: the straight-through one."""
    unit = torch.tensor([[0.1], [0.49999], [0.5], [1.0]], dtype=torch.float64, requires_grad=True)
    gate = one(Switch("on")).decode(unit)["node"]["on"]
    assert gate.tolist() == [0.0, 0.0, 1.0, 1.0]
    (gradient,) = torch.autograd.grad((gate * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum(), unit)
    assert gradient[:, 0].tolist() == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gumbel_samples_follow_the_softmax(dtype: torch.dtype) -> None:
    spec = Choice("shape", OPTIONS)
    entries = torch.tensor([0.2, 0.5, 0.35], dtype=dtype)
    n = 20000
    generator = torch.Generator().manual_seed(3)
    weights = one(spec).decode(entries.repeat(n, 1), generator)["node"]["shape"]
    assert set(weights.flatten().tolist()) == {0.0, 1.0}
    assert bool((weights.sum(1) == 1).all())
    expected = torch.softmax(entries.double() / spec.temperature, 0)
    # Five standard deviations of a share.
    margin = 5 * (expected * (1 - expected) / n).sqrt()
    assert bool(((weights.double().mean(0) - expected).abs() < margin).all())


def test_gumbel_gradients_are_those_of_the_perturbed_softmax() -> None:
    spec = Choice("shape", OPTIONS)
    unit = torch.full((256, 3), 0.5, dtype=torch.float64, requires_grad=True)
    weights = one(spec).decode(unit, torch.Generator().manual_seed(5))["node"]["shape"]
    mixture = torch.tensor([0.0, 1.0, 3.0], dtype=torch.float64)
    (gradient,) = torch.autograd.grad((weights * mixture).sum(), unit)
    assert bool(torch.isfinite(gradient).all())
    # A softmax does not change when all its logits move together.
    torch.testing.assert_close(gradient.sum(1), torch.zeros(256, dtype=torch.float64))
    # Of equal entries, each sample pulls towards the option worth most.
    assert bool((gradient[:, 2] > 0).all())
    assert bool((gradient[:, 0] < 0).all())


def test_gumbel_samples_depend_on_the_generator_alone() -> None:
    space = one(Choice("shape", OPTIONS))
    unit = torch.full((64, 3), 0.5)
    draws = [
        space.decode(unit, torch.Generator().manual_seed(seed))["node"]["shape"]
        for seed in (1, 1, 2)
    ]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    torch.manual_seed(0)
    state = torch.get_rng_state()
    space.decode(unit, torch.Generator().manual_seed(1))
    assert torch.equal(torch.get_rng_state(), state)


SPACE = ParamSpace(
    (
        ("lfo", Log("freq", 0.5, 15.0, unit="Hz")),
        ("osc", Choice("shape", OPTIONS)),
        ("osc", Linear("pan", -1.0, 1.0)),
        ("osc", Switch("on")),
        ("lfo", Linear("level", 0.0, 2.0, unit="V")),
    )
)


def test_names_follow_the_entries() -> None:
    assert SPACE.names == [
        "lfo.freq",
        "osc.shape=sine",
        "osc.shape=square",
        "osc.shape=saw",
        "osc.pan",
        "osc.on",
        "lfo.level",
    ]
    assert SPACE.dimension == len(SPACE.names) == 7


@given(st.lists(UNIT, min_size=7, max_size=7))
def test_describe_and_encode_are_inverse(entries: list[float]) -> None:
    described = SPACE.describe(entries)
    values = {
        node: {name: field["value"] for name, field in group.items()}
        for node, group in described.items()
    }
    again = SPACE.describe(SPACE.encode(values))
    assert again.keys() == described.keys()
    for node, group in described.items():
        for name, field in group.items():
            assert again[node][name]["unit"] == field["unit"]
            if isinstance(field["value"], float):
                assert again[node][name]["value"] == pytest.approx(field["value"], abs=1e-9)
            else:
                assert again[node][name]["value"] == field["value"]


def test_describe_takes_arrays_tensors_and_lists() -> None:
    entries = [0.5, 0.0, 1.0, 0.2, 0.75, 0.0, 0.25]
    expected = SPACE.describe(entries)
    assert expected["osc"]["pan"] == {"value": pytest.approx(0.5), "unit": ""}
    assert expected["lfo"]["level"] == {"value": pytest.approx(0.5), "unit": "V"}
    assert SPACE.describe(np.array(entries)) == expected
    assert SPACE.describe(torch.tensor(entries, dtype=torch.float64, requires_grad=True)) == (
        expected
    )


def test_a_space_without_entries_decodes_to_nothing() -> None:
    """A patch of fixed modules has no entries, and still renders."""
    empty = ParamSpace(())
    assert empty.dimension == 0
    assert empty.decode(torch.zeros(3, 0)) == {}
    assert empty.describe([]) == {}
    assert empty.encode({}).shape == (0,)


def test_decode_under_inference_mode_leaves_nothing_behind() -> None:
    """What is cached under inference mode must serve a later gradient."""
    space = one(Log("only_here", 3.0, 71.0))
    with torch.inference_mode():
        space.decode(torch.rand(2, 1))
    unit = torch.full((2, 1), 0.5, requires_grad=True)
    (gradient,) = torch.autograd.grad(space.decode(unit)["node"]["only_here"].sum(), unit)
    assert bool((gradient > 0).all())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Linear("pan", 1.0, 1.0), ["Linear", "pan", "1.0", "low must be below high"]),
        (lambda: Linear("pan", 0.0, math.inf), ["Linear", "pan", "inf"]),
        (lambda: Log("freq", 0.0, 10.0), ["Log", "freq", "0.0", "above 0"]),
        (lambda: Log("freq", 10.0, 1.0), ["Log", "freq", "10.0", "1.0"]),
        (lambda: Choice("shape", ("saw",)), ["Choice", "shape", "saw", "two or more"]),
        (lambda: Choice("shape", ("saw", "saw")), ["Choice", "shape", "different"]),
        (lambda: Choice("shape", OPTIONS, temperature=0.0), ["Choice", "temperature", "0.0"]),
        (lambda: Choice("shape", OPTIONS, temperature=1e-40), ["temperature", "at least 0.001"]),
        (lambda: Choice("shape", OPTIONS, temperature=math.inf), ["temperature", "finite"]),
        (lambda: Linear("pan", -1.0, 1.0, "dB").to_unit(1.5), ["pan", "1.5 dB", "[-1.0, 1.0]"]),
        (lambda: Linear("pan", -1.0, 1.0).to_unit(math.nan), ["pan", "nan", "finite"]),
        (lambda: Linear("pan", -1.0, 1.0).to_unit("loud"), ["pan", "loud", "number"]),
        (lambda: Linear("pan", -1.0, 1.0).to_unit(None), ["pan", "None", "number"]),
        (lambda: Log("freq", 20.0, 30.0, "Hz").to_unit(31.0), ["freq", "31.0 Hz", "[20.0, 30.0]"]),
        (lambda: Log("freq", 20.0, 30.0, "Hz").to_unit([25.0]), ["freq", "[25.0]", "number"]),
        (lambda: Switch("on").to_unit("yes"), ["on", "yes", "True or False"]),
        (lambda: Switch("on").to_unit(0.4), ["on", "0.4", "True or False"]),
        (lambda: SPACE.encode({"lfo": {"freq": 1.0}}), ["osc.shape", "every parameter"]),
        (lambda: SPACE.decode(torch.zeros(7)), ["(7,)", "(batch, 7)", "osc.shape=saw"]),
        (lambda: SPACE.decode(torch.zeros(2, 6)), ["(2, 6)", "(batch, 7)"]),
        (lambda: SPACE.decode(torch.zeros(2, 7, dtype=torch.long)), ["int64", "float32"]),
        (lambda: SPACE.decode(torch.zeros(2, 7, dtype=torch.half)), ["float16", "float32"]),
        (lambda: SPACE.describe([0.5] * 6), ["6", "(batch, 7)"]),
    ],
)
def test_errors_name_argument_value_and_limit(make: object, words: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        make()  # type: ignore[operator]
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ocs": {}}, ["node", "'ocs'", "Did you mean 'osc'?"]),
        ({"osc": {"sahpe": "saw"}}, ["parameter of osc", "'sahpe'", "Did you mean 'shape'?"]),
        (
            {
                "lfo": {"freq": 1.0, "level": 1.0},
                "osc": {"shape": "swa", "pan": 0.0, "on": True},
            },
            ["option of shape", "'swa'", "Did you mean 'saw'?", "sine, square, saw"],
        ),
    ],
)
def test_unknown_names_suggest_the_near_one(
    values: dict[str, dict[str, float | str | bool]], words: list[str]
) -> None:
    with pytest.raises(UnknownNameError) as caught:
        SPACE.encode(values)
    for word in words:
        assert word in str(caught.value)


def test_values_a_rounding_error_outside_are_taken_to_the_limit() -> None:
    assert Linear("x", 0.0, 1.0).to_unit(1.0 + 1e-9) == (1.0,)
    assert Log("x", 1.0, 10.0).to_unit(1.0 - 1e-9) == (0.0,)


@given(st.lists(UNIT, min_size=7, max_size=7), st.integers(0, 6))
def test_no_entry_reaches_another_parameter(entries: list[float], moved: int) -> None:
    other = list(entries)
    other[moved] = 1.0 - entries[moved]
    before, after = SPACE.describe(entries), SPACE.describe(other)
    owner, name = SPACE.names[moved].split("=")[0].split(".")
    for node, group in before.items():
        for parameter, field in group.items():
            if (node, parameter) != (owner, name):
                assert after[node][parameter] == field
