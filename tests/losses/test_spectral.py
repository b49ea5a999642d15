"""Spectral losses: by hand, against auraloss and librosa, and against DDSP's definition."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import auraloss
import librosa
import numpy as np
import pytest
import torch
from torch import Tensor

from synthgym.errors import ParameterError, SynthgymError
from synthgym.losses import (
    Convergence,
    Cumulative,
    Difference,
    LogFrequencyBlur,
    MelBands,
    Scale,
    ScaleInvariant,
    SpectralLoss,
    one_pass,
    overlapping,
    published,
)
from synthgym.losses.terms import Term

# One frame of four samples, bins 0, 1 and 2, as they are.
CLICK = torch.tensor([[1.0, 0.0, 0.0, 0.0]]).double()  # magnitudes 1, 1, 1
PAIR = torch.tensor([[1.0, 1.0, 0.0, 0.0]]).double()  # magnitudes 2, sqrt(2), 0
ROOT = math.sqrt(2)


def noise(batch: int = 1, seed: int = 0, n: int = 4000) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(batch, n, generator=generator).double()


def one_frame(term: Term, exponent: Any = 1) -> SpectralLoss:
    return SpectralLoss((Scale(4, 4),), (term,), "rectangular", "end", exponent)


@pytest.mark.parametrize(
    ("term", "exponent", "expected"),
    [
        (Difference(), 1, (1 + (ROOT - 1) + 1) / 3),
        (Difference(norm=2), 1, (1 + (ROOT - 1) ** 2 + 1) / 3),
        (Difference(), 2, (3 + 1 + 1) / 3),
        (Difference("log1p"), 1, (math.log(3 / 2) + math.log((1 + ROOT) / 2) + math.log(2)) / 3),
        (Difference("log", floor=0.1), 1, (math.log(2) + math.log(ROOT) + math.log(10)) / 3),
        (Difference(weight=2.0, size_exponent=1.0), 1, 2 * 75 * (1 + ROOT) / 3),
        (Convergence(), 1, math.sqrt(1 + (ROOT - 1) ** 2 + 1) / math.sqrt(6)),
        (Cumulative("frequency"), 1, (1 + ROOT + abs(ROOT - 1)) / 3),
        (Cumulative("frequency", norm=2), 2, (3**2 + 4**2 + 3**2) / 3),
    ],
)
def test_a_click_and_a_pair_by_hand(term: Term, exponent: int, expected: float) -> None:
    assert float(one_frame(term, exponent)(CLICK, PAIR)) == pytest.approx(expected, rel=1e-9)


def test_simse_by_hand_and_for_any_level() -> None:
    """The best gain is (2 + sqrt 2) / 3."""
    gain = (2 + ROOT) / 3
    expected = ((gain - 2) ** 2 + (gain - ROOT) ** 2 + gain**2) / 3
    loss = one_frame(ScaleInvariant())
    for level in (1e-2, 1.0, 30.0):
        assert float(loss(level * CLICK, PAIR)) == pytest.approx(expected, rel=1e-9)
    assert float(loss(0 * CLICK, PAIR)) == pytest.approx(6 / 3)
    assert float(loss(3 * PAIR, PAIR)) == pytest.approx(0, abs=1e-12)


def test_time_sums_by_hand() -> None:
    """Two frames, each a click: magnitudes 1 and 2 against 3 and 0 add up to 1, 3 and 3, 3."""
    loss = SpectralLoss((Scale(2, 2),), (Cumulative("time"),), "rectangular", "end")
    sound = torch.tensor([[1.0, 0.0, 2.0, 0.0]])
    target = torch.tensor([[3.0, 0.0, 0.0, 0.0]])
    assert float(loss(sound, target)) == pytest.approx((2 + 0) / 2)


def test_terms_and_scales_add_up() -> None:
    a, b = noise(), noise(seed=1)
    parts = [
        float(SpectralLoss((scale,), (term,))(a, b))
        for scale in (Scale(64, 16), Scale(100, 33))
        for term in (Difference(weight=0.5), Convergence(weight=2.0))
    ]
    terms = (Difference(weight=0.5), Convergence(weight=2.0))
    whole = SpectralLoss((Scale(64, 16), Scale(100, 33)), terms)
    assert float(whole(a, b)) == pytest.approx(sum(parts), rel=1e-12)
    assert float(SpectralLoss((Scale(64, 16),), (Convergence(),))(a, b)) == pytest.approx(
        parts[1] / 2
    )


def reckoned_ddsp(audio: np.ndarray, target: np.ndarray) -> float:
    """The multi-scale loss of arXiv 2001.04643 with alpha 1, frame by frame."""
    total = 0.0
    for size in (2048, 1024, 512, 256, 128, 64):
        hop, window = size // 4, 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
        spectra = []
        for sound in (audio, target):
            ended = np.concatenate([sound, np.zeros(size)])
            starts = range(0, len(sound), hop)
            spectra.append([np.abs(np.fft.rfft(ended[s : s + size] * window)) for s in starts])
        a, b = np.array(spectra)
        total += np.abs(a - b).mean()
        total += np.abs(np.log(np.maximum(a, 1e-5)) - np.log(np.maximum(b, 1e-5))).mean()
    return total


@pytest.mark.parametrize("n", [1, 500, 3001])
def test_multi_scale_is_ddsps(n: int) -> None:
    a, b = noise(n=n), noise(seed=1, n=n)
    expected = reckoned_ddsp(a[0].numpy(), b[0].numpy())
    assert float(published.multi_scale()(a, b)) == pytest.approx(expected, rel=1e-9)


def theirs(name: str) -> Any:
    sizes = list(published.POWERS_OF_TWO)
    hops = [size // 4 for size in sizes]
    if name == "multi-resolution":
        return auraloss.freq.MultiResolutionSTFTLoss()
    if name == "six sizes":
        return auraloss.freq.MultiResolutionSTFTLoss(sizes, hops, sizes, w_sc=0.0, w_lin_mag=1.0)
    return auraloss.freq.MelSTFTLoss(16000)


def ours(name: str) -> SpectralLoss:
    if name == "multi-resolution":
        return published.multi_resolution()
    if name == "six sizes":
        terms = (Difference(weight=1 / 6), Difference("log", weight=1 / 6, floor=1e-4))
        return SpectralLoss(overlapping(published.POWERS_OF_TWO), terms)
    bands = MelBands(128, scale="slaney")
    return SpectralLoss((Scale(1024, 256),), (Convergence(), Difference("log")), bands=bands)


@pytest.mark.parametrize("name", ["multi-resolution", "six sizes", "mel"])
def test_auraloss_agrees(name: str) -> None:
    a, b = noise(seed=2, n=16384).float(), noise(seed=1, n=16384).float()
    expected = float(theirs(name)(a[None], b[None]))
    assert float(ours(name)(a, b)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["multi-resolution", "six sizes", "mel"])
@pytest.mark.parametrize("batch", [1, 16])
def test_no_slower_than_auraloss(name: str, batch: int) -> None:
    """Value and gradient of the same setting, by turns in one run; the target is embedded anew."""
    loss, other = ours(name), theirs(name)
    target = noise(batch, seed=1, n=16384).float()
    sound = noise(batch, n=16384).float().requires_grad_()

    def own() -> None:
        torch.autograd.grad(loss(sound, target).sum(), sound)

    def their_own() -> None:
        torch.autograd.grad(other(sound[:, None], target[:, None]), sound)

    best = {own: math.inf, their_own: math.inf}
    for _ in range(8):
        for call in best:
            begun = time.perf_counter()
            call()
            best[call] = min(best[call], time.perf_counter() - begun)
    assert best[own] < best[their_own]


@pytest.mark.filterwarnings("ignore:Empty filters")
@pytest.mark.parametrize("n_fft", [64, 67, 2048])
@pytest.mark.parametrize(("n_bands", "low", "high"), [(40, 0.0, None), (1024, 30.0, 4000.0)])
def test_mel_bands_are_librosas(n_fft: int, n_bands: int, low: float, high: float | None) -> None:
    settings = {"sr": 16000, "n_fft": n_fft, "n_mels": n_bands, "fmin": low, "fmax": high}
    slaney = librosa.filters.mel(**settings)
    htk = librosa.filters.mel(**settings, htk=True, norm=None)
    for scale, expected in (("slaney", slaney), ("htk", htk)):
        bands = MelBands(n_bands, 16000, low, high, scale)  # type: ignore[arg-type]
        np.testing.assert_allclose(bands.weights(n_fft).T.numpy(), expected, atol=2e-6)


def test_a_blur_loses_no_power_and_widens_with_octaves() -> None:
    for octaves in (0.0, 0.1, 0.5, 2.0):
        weights = LogFrequencyBlur(octaves).weights(256)
        torch.testing.assert_close(weights.sum(1), torch.ones(129).double())
        at = torch.arange(129).double().clamp_min(0.25).log2()
        spread = (weights[32] * (at - 5).square()).sum().sqrt()
        assert float(spread) == pytest.approx(octaves, rel=0.25, abs=1e-12)


def test_a_blur_shows_the_way_from_afar() -> None:
    """The further a sine is out of tune the further away; without the blur it is all the same."""
    time_s = torch.arange(8000).double() / 16000
    tones = [torch.sin(2 * math.pi * 440 * 2**o * time_s)[None] for o in (0, 0.3, 0.6, 0.9, 1.2)]
    wide = [float(published.blurred(0.5)(tone, tones[0])) for tone in tones]
    assert sorted(wide) == wide
    assert wide[4] > 1.2 * wide[3] > 1.44 * wide[2]


def test_revisited_sizes_share_no_factors() -> None:
    loss = published.revisited()
    sizes = [scale.n_fft for scale in loss.scales]
    assert sizes == [67, 127, 257, 509, 1021, 2053]
    assert math.gcd(*sizes) == 1
    assert loss.window == "flat-top"


def test_a_large_batch_goes_in_pieces() -> None:
    """The gradient in one pass is that of the chain of functions, term by term."""
    sounds, targets = noise(40, n=3000), noise(40, seed=1, n=3000)
    assert sounds.numel() > one_pass.CACHE_SAMPLES
    loss = SpectralLoss(
        (Scale(64, 16), Scale(101, 40, 70)),
        (
            Difference("log", floor=0.5),  # some cells lie under it: no slope there
            Difference("log1p", norm=2),
            Convergence(),
            ScaleInvariant(),
            Cumulative("time"),
        ),
        bands=MelBands(20),
    )
    at_once = sounds.clone().requires_grad_()
    value = loss(at_once, targets)
    by_steps = sounds.clone().requires_grad_()
    watched = targets.clone().requires_grad_()  # a target in a graph has no shortcut
    plain = loss(by_steps, watched)
    torch.testing.assert_close(value, plain, rtol=1e-12, atol=0)
    (one,) = torch.autograd.grad(value.sum(), at_once)
    other, of_target = torch.autograd.grad(plain.sum(), (by_steps, watched))
    torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
    assert bool((of_target != 0).any())


@dataclass(frozen=True)
class Total:
    """A term of one's own: the difference of sums, whose slope is the same at every cell."""

    def view(self, spectrum: Tensor) -> Tensor:
        return spectrum

    def distance(self, view: Tensor, target_view: Tensor) -> Tensor:
        return view.sum((1, 2)) - target_view.sum((1, 2))

    def weight_at(self, n_fft: int) -> float:
        return 1.0


@pytest.mark.parametrize("exponent", [1, 2])
def test_a_term_of_ones_own_may_have_a_constant_slope(exponent: Any) -> None:
    loss = SpectralLoss((Scale(64, 16),), (Total(),), exponent=exponent)
    sound, target, step = noise(n=500), noise(seed=1, n=500), 1e-6 * noise(seed=2, n=500)
    leaf = sound.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(leaf, target).sum(), leaf)
    moved = loss(sound + step, target) - loss(sound - step, target)
    assert float((slope * step).sum()) == pytest.approx(float(moved) / 2, rel=1e-4)


def test_forward_derivatives_agree() -> None:
    loss, audio, target, direction = (
        published.multi_scale((256, 64)),
        noise(2),
        noise(seed=1),
        noise(2, seed=2),
    )
    leaf = audio.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(leaf, target).sum(), leaf)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(audio, direction)
        tangent = torch.autograd.forward_ad.unpack_dual(loss(dual, target)).tangent
    torch.testing.assert_close(tangent, (slope * direction).sum(1), rtol=1e-8, atol=1e-10)


def test_second_derivatives_are_refused() -> None:
    leaf = noise().requires_grad_()
    (slope,) = torch.autograd.grad(
        published.magnitude()(leaf, noise(seed=1)).sum(), leaf, create_graph=False
    )
    assert bool(torch.isfinite(slope).all())
    with pytest.raises(ParameterError, match="create_graph"):
        torch.autograd.grad(
            published.magnitude()(leaf, noise(seed=1)).sum(), leaf, create_graph=True
        )


def test_equal_sounds_are_exactly_at_zero_and_at_rest() -> None:
    """Rounding must not make a difference whose sign is then a gradient."""
    for loss in (published.multi_scale(), published.multi_resolution(), published.revisited()):
        for sound in (noise(n=16000), noise(n=16000).float()):
            kept, leaf = loss.embed(sound), sound.clone().requires_grad_()
            value = loss.compare(loss.embed(leaf), kept)
            (slope,) = torch.autograd.grad(value.sum(), leaf)
            assert float(value.detach()) == 0
            assert bool((slope == 0).all())


def test_no_gradient_is_worked_out_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    def unasked(*_: object) -> Tensor:
        raise AssertionError("a gradient nobody asked for")

    monkeypatch.setattr(one_pass, "_to_samples", unasked)
    leaf, loss = noise().requires_grad_(), published.magnitude()
    with torch.no_grad():
        assert float(loss(leaf, noise(seed=1))) > 0
    with pytest.raises(AssertionError, match="nobody asked"):
        loss(leaf, noise(seed=1))


def test_rows_of_a_kept_target() -> None:
    loss, sounds, targets = published.log_mel(), noise(3), noise(3, seed=1)
    kept = loss.embed(targets)
    before = [loss.compare(loss.embed(sounds[i : i + 1]), kept.row(i)) for i in range(3)]
    together = loss.compare(loss.embed(sounds), kept)
    after = [loss.compare(loss.embed(sounds[i : i + 1]), kept.row(i)) for i in range(3)]
    torch.testing.assert_close(torch.cat(before), together)
    torch.testing.assert_close(torch.cat(after), together)


@pytest.mark.parametrize(
    "make",
    [
        lambda: SpectralLoss((), (Difference(),)),
        lambda: SpectralLoss((Scale(4, 1),), ()),
        lambda: SpectralLoss((Scale(4, 1),), (Difference(),), exponent=3),  # type: ignore[arg-type]
        lambda: Scale(0, 1),
        lambda: Scale(4, 0),
        lambda: Scale(4, 1, 5),
        lambda: Difference(norm=3),  # type: ignore[arg-type]
        lambda: Difference("log", floor=0),
        lambda: Cumulative("pitch"),  # type: ignore[arg-type]
        lambda: MelBands(0),
        lambda: MelBands(4, low_hz=9000),
        lambda: LogFrequencyBlur(-1),
    ],
)
def test_settings_that_cannot_be_are_refused(make: Any) -> None:
    with pytest.raises(ParameterError):
        make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Difference("decibel"), "unknown scale 'decibel'"),  # type: ignore[arg-type]
        (lambda: MelBands(10, scale="bark"), "unknown mel scale 'bark'"),  # type: ignore[arg-type]
        (lambda: overlapping((64,), overlap=1.0), r"overlap is 1\.0; it must be from 0 to below 1"),
        (lambda: overlapping((64,), overlap=-0.5), r"overlap is -0\.5"),
        (lambda: Convergence(floor=0.0), r"floor is 0\.0; it must be above 0"),
        (lambda: ScaleInvariant(floor=-1.0), r"floor is -1\.0"),
    ],
)
def test_a_setting_is_not_taken_for_another(make: Any, words: str) -> None:
    with pytest.raises(SynthgymError, match=words):
        make()


def test_lists_will_do_for_scales_and_terms() -> None:
    """What is kept is a tuple, so that the loss can be a key."""
    listed = SpectralLoss([Scale(64, 16)], [Difference()])  # type: ignore[arg-type]
    assert listed == SpectralLoss((Scale(64, 16),), (Difference(),))
    assert {listed: "known"}[listed] == "known"
