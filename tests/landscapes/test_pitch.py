"""The direction experiment: what is drawn, and what is counted as right."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from synthgym import MelDistance
from synthgym.errors import LossError, ParameterError, UnknownNameError
from synthgym.landscapes import SHAPES, PitchTrials, Share, direction, gradient_direction
from synthgym.synth import Clock

SHORT = Clock(16000, 4000)


def trials(shape: str = "sine", n_trials: int = 24, **more: Any) -> PitchTrials:
    return PitchTrials(shape, n_trials=n_trials, clock=SHORT, **more)


def test_trials_are_drawn_as_the_paper_says() -> None:
    target, prediction = PitchTrials(n_trials=4000).draw()
    for tones in (target, prediction):
        log_amp, log_freq = tones.amp.log10(), tones.freq_hz.log10()
        assert -2.5 <= float(log_amp.min()) < -2.49 and -0.01 < float(log_amp.max()) <= 0
        assert 30 <= float(tones.freq_hz.min()) < 30.2 and 3970 < float(tones.freq_hz.max()) <= 4000
        # The median of what is uniform over the logarithm is the geometric mean of its ends.
        assert float(log_freq.median()) == pytest.approx(math.log10(30 * 4000) / 2, abs=0.04)
        assert float(tones.start_cycles.min()) < 0.001 and float(tones.start_cycles.max()) > 0.999
    pairs = torch.stack([target.freq_hz.log(), prediction.freq_hz.log(), target.amp.log()])
    correlation = torch.corrcoef(pairs)
    assert float((correlation - torch.eye(3)).abs().max()) < 0.06, "drawn independently"


def test_the_first_trials_of_many_are_those_of_few() -> None:
    few, many = trials(n_trials=3).draw(), trials(n_trials=50).draw()
    assert torch.equal(few[0].freq_hz, many[0].freq_hz[:3])
    assert torch.equal(few[1].amp, many[1].amp[:3])
    assert not torch.equal(trials(n_trials=3, seed=1).draw()[0].amp, few[0].amp)
    assert not torch.equal(trials("saw", n_trials=3).draw()[0].amp, few[0].amp)


def test_perturbed_sounds_are_further_from_the_target_by_the_cents_said() -> None:
    sounds = PitchTrials("sine", n_trials=40, cents=(1200.0,)).rendered()
    target, prediction = sounds.trials.draw()

    def peak_hz(audio: torch.Tensor) -> torch.Tensor:
        windowed = audio * torch.hann_window(audio.shape[1])
        return torch.fft.rfft(windowed, 1 << 16).abs().argmax(1) * (16000 / (1 << 16))

    away = torch.where(prediction.freq_hz > target.freq_hz, 2.0, 0.5)
    heard = (prediction.freq_hz * away) < 7900  # above, it would be folded back
    found = peak_hz(sounds.perturbed[0]) / peak_hz(sounds.prediction)
    assert heard.sum() > 30
    torch.testing.assert_close(found[heard], away[heard].float(), rtol=0.02, atol=0)
    assert peak_hz(sounds.target) == pytest.approx(target.freq_hz.numpy(), abs=0.6)
    peaks = sounds.perturbed[0].abs().amax(1)[heard]
    assert peaks.numpy() == pytest.approx(prediction.amp[heard].numpy(), rel=0.02)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_loss_that_hears_pitch_is_always_right_and_its_negative_always_wrong(
    shape: str, centroid: Any
) -> None:
    sounds = trials(shape).rendered()
    right = direction(centroid(), sounds)
    if shape == "sine":
        assert [s.value for s in right] == [1.0, 1.0]
        assert gradient_direction(centroid(), sounds).value == 1.0
    assert min(s.value for s in right) > 0.8
    for share, opposite in zip(right, direction(centroid(-1.0), sounds), strict=True):
        assert share.n_right + opposite.n_right == 24, "no ties, so one or the other is right"
    slopes = gradient_direction(centroid(), sounds), gradient_direction(centroid(-1.0), sounds)
    assert sum(s.n_right for s in slopes) == 24
    assert slopes[0].n_right > slopes[1].n_right


def test_a_loss_that_hears_nothing_is_never_right(broken: Any) -> None:
    deaf = broken(lambda values: 0 * values)
    sounds = trials().rendered()
    assert [s.n_right for s in direction(deaf, sounds)] == [0, 0]
    assert gradient_direction(deaf, sounds).n_right == 0


def test_the_gradient_is_that_of_the_loss_by_finite_differences(centroid: Any) -> None:
    one = trials("saw", n_trials=12)
    sounds = one.rendered()
    target, prediction = one.draw()
    # A twentieth of a cent: partials folded back at the Nyquist frequency bend it that finely.
    step = torch.full((12,), 0.05, dtype=torch.float64)
    with torch.no_grad():
        kept = centroid().embed(sounds.target)
        up, down = (
            centroid().compare(centroid().embed(one.render(prediction.moved(by))), kept)
            for by in (step, -step)
        )
    away = (prediction.freq_hz - target.freq_hz).sign()
    expected = int(((up - down).sign() == away).sum())
    assert gradient_direction(centroid(), sounds).n_right == expected
    assert expected > 6


def test_a_naive_square_is_square_and_its_gradient_is_refused(centroid: Any) -> None:
    sounds = trials("square", naive=True).rendered()
    levels = sounds.target.abs() / sounds.target.abs().amax(1, keepdim=True)
    assert float((levels > 0.999).float().mean()) > 0.99
    assert float((trials("square").rendered().target.abs() / levels.amax()).std()) > 0
    with pytest.raises(ParameterError, match="band-limited"):
        gradient_direction(centroid(), sounds)


def test_results_do_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    from synthgym.landscapes import checked

    sounds = trials("saw", n_trials=10).rendered()
    whole = direction(MelDistance(), sounds), gradient_direction(MelDistance(), sounds)
    monkeypatch.setattr(checked, "ROWS", 3)
    assert (direction(MelDistance(), sounds), gradient_direction(MelDistance(), sounds)) == whole


def test_the_standard_error_of_a_share() -> None:
    assert Share(500, 1000).standard_error == pytest.approx(math.sqrt(0.25 / 1000), rel=0.01)
    assert Share(10, 10).standard_error == pytest.approx(math.sqrt(12 / 14 * 2 / 14 / 14))
    assert Share(10, 10).value == 1.0


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda v: v.mean(), r"shape \(\) for \d+ sounds"),
        (lambda v: v[:, None], r"shape \(\d+, 1\)"),
        (lambda v: v / 0 * 0, "NaN"),
        (lambda v: float(v.sum()), "returned float"),
        (lambda v: v @ torch.zeros(3), "failed in compare: RuntimeError"),
    ],
)
def test_a_broken_loss_is_named(spoil: Any, words: str, broken: Any) -> None:
    with pytest.raises(LossError, match=words) as caught:
        direction(broken(spoil), trials().rendered())
    assert "'broken'" in str(caught.value)


def test_a_loss_without_gradient_is_named(broken: Any) -> None:
    with pytest.raises(LossError, match="'broken' has no gradient"):
        gradient_direction(broken(lambda v: v.detach()), trials().rendered())
    with pytest.raises(LossError, match="gradient that is NaN"):
        # The value of a root at 0 is finite, its derivative times 0 is not.
        gradient_direction(broken(lambda v: v + (0 * v).sqrt()), trials().rendered())


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ParameterError, match="n_trials is 0"):
        PitchTrials(n_trials=0)
    with pytest.raises(UnknownNameError, match="'saw'"):
        PitchTrials("sawtooth")
