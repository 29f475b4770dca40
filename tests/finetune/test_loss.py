"""The streaming loss: hand-worked numbers, limit cases, and that accumulation changes nothing."""

from math import exp, log

import pytest
import torch
from torch.nn import functional as F

from finetune.loss import KINDS, count_states, streaming_loss, supervised_logits

STATES = (1, 2, 3)
"""Ids of silence, standby, response in a vocabulary of 6."""


def rows(*probabilities):
    """Logits whose softmax is exactly each row of probabilities."""
    return torch.tensor(probabilities, dtype=torch.float64).log()


def random_batch(n=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, 6, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 6, (n,), generator=generator)
    labels[::7] = -100
    return logits, labels


HAND_LOGITS = rows(
    (0.1, 0.5, 0.1, 0.1, 0.1, 0.1),  # silence at p 0.5
    (0.1, 0.5, 0.1, 0.1, 0.1, 0.1),  # silence at p 0.5
    (0.2, 0.2, 0.2, 0.2, 0.1, 0.1),  # response at p 0.2
    (0.1, 0.1, 0.1, 0.1, 0.4, 0.2),  # a word at p 0.4
    (0.1, 0.1, 0.1, 0.1, 0.4, 0.2),  # ignored
)
HAND_LABELS = torch.tensor([1, 1, 3, 4, -100])


def test_focal_equals_the_hand_worked_example():
    # n = (2, 0, 1), their sum 3, |S| = 3: alpha of silence 1/3 * 3/2 = 0.5, of response 1/3 * 3/1 = 1.
    # Weights 0.5 * (1 - 0.5)^2 = 0.125 and 1 * (1 - 0.2)^2 = 0.64; four labels count.
    expected = (2 * 0.125 * -log(0.5) + 0.64 * -log(0.2) - log(0.4)) / 4
    assert streaming_loss(HAND_LOGITS, HAND_LABELS, STATES).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "gamma, silence, response",
    [(0, 0.5, 1), (0.5, 0.5 * 0.5**0.5, 0.8**0.5), (1, 0.25, 0.8), (2, 0.125, 0.64), (3, 0.0625, 0.512)],
)
def test_gamma_is_the_power_of_what_the_true_token_lacks(gamma, silence, response):
    expected = (2 * silence * -log(0.5) + response * -log(0.2) - log(0.4)) / 4
    assert streaming_loss(HAND_LOGITS, HAND_LABELS, STATES, gamma=gamma).item() == pytest.approx(expected, abs=1e-12)


def test_alpha_of_all_three_states_equals_the_hand_worked_example():
    # n = (4, 2, 1), their sum 7: alpha = 7/12, 7/6, 7/3. The probability of eq. (3) is that of the whole vocabulary:
    # 0.2 of 1, not of 0.6.
    logits = rows(*[(0.2, 0.2, 0.2, 0.2, 0.1, 0.1)] * 8)
    labels = torch.tensor([1, 2, 1, 3, 2, 1, 1, 0])
    expected = ((4 * 7 / 12 + 2 * 7 / 6 + 7 / 3) * 0.8**2 + 1) * -log(0.2) / 8
    assert streaming_loss(logits, labels, STATES).item() == pytest.approx(expected, abs=1e-12)


def test_scale_equals_the_hand_worked_example():
    expected = (2 * 0.3 * -log(0.5) + 2.0 * -log(0.2) - log(0.4)) / 4
    assert streaming_loss(HAND_LOGITS, HAND_LABELS, STATES, kind="scale").item() == pytest.approx(expected, abs=1e-12)


def test_the_fixed_weights_are_silence_standby_response():
    logits = rows(*[(0.1, 0.2, 0.3, 0.2, 0.1, 0.1)] * 3)
    got = streaming_loss(logits, torch.tensor([1, 2, 3]), STATES, kind="scale", fixed_weights=(1, 10, 100))
    assert got.item() == pytest.approx((-log(0.2) - 10 * log(0.3) - 100 * log(0.2)) / 3, abs=1e-9)


def test_ce_is_cross_entropy():
    logits, labels = random_batch()
    assert streaming_loss(logits, labels, STATES, kind="ce").item() == pytest.approx(
        F.cross_entropy(logits, labels).item(), abs=1e-12
    )


def test_focal_without_focus_and_with_equal_counts_is_cross_entropy():
    logits, _ = random_batch(9)
    labels = torch.tensor([1, 2, 3, 3, 2, 1, 0, 4, 5])
    ours, plain = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    loss, expected = streaming_loss(ours, labels, STATES, gamma=0.0), F.cross_entropy(plain, labels)
    loss.backward()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), abs=1e-12)
    assert torch.allclose(ours.grad, plain.grad, rtol=0, atol=1e-12)


def test_the_focal_weight_is_not_detached():
    logits = torch.zeros(1, 6, dtype=torch.float64, requires_grad=True)  # p = 1/6 everywhere
    streaming_loss(logits, torch.tensor([3]), STATES, gamma=2.0).backward()
    # d/dz of alpha (1-p)^2 (-log p) with alpha = 1/3 (one state, n = 1): alpha * p (1-p) * (2 (1-p) log p - (1-p)^2 /
    # p)
    p = 1 / 6
    assert logits.grad[0, 3].item() == pytest.approx(
        p * (1 - p) * (2 * (1 - p) * log(p) - (1 - p) ** 2 / p) / 3, abs=1e-12
    )


@pytest.mark.parametrize("kind", ["focal", "scale", "ce"])
def test_micro_batches_add_up_to_the_batch_in_value_and_gradient(kind):
    logits, labels = random_batch()
    whole, parts = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    counts, items = count_states(labels, STATES), int((labels != -100).sum())
    loss = streaming_loss(whole, labels, STATES, kind=kind)
    loss.backward()
    total = 0.0
    for piece in (slice(0, 3), slice(3, 30), slice(30, 40)):
        part = streaming_loss(parts[piece], labels[piece], STATES, kind=kind, state_counts=counts, num_items=items)
        part.backward()
        total += part.item()
    assert total == pytest.approx(loss.item(), abs=1e-12)
    assert torch.allclose(whole.grad, parts.grad, atol=1e-12)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", KINDS)
def test_any_split_adds_up_to_the_batch_in_value_and_gradient(kind, seed):
    """Rows in any order, in pieces of any size: one empty, one of ignored rows alone, the rest cut at random."""
    logits, labels = random_batch(seed=seed)
    generator = torch.Generator().manual_seed(seed)
    whole, parts = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    loss = streaming_loss(whole, labels, STATES, kind=kind)
    loss.backward()
    kept, ignored = (labels != -100).nonzero()[:, 0], (labels == -100).nonzero()[:, 0]
    order = torch.cat([kept, ignored[2:]])[torch.randperm(len(labels) - 2, generator=generator)]
    cuts = torch.randint(0, len(order), (1 + seed,), generator=generator).sort().values
    pieces = [ignored[:2], kept[:0], *order.tensor_split(cuts.tolist())]
    counts = sum(count_states(labels[piece], STATES) for piece in pieces)
    items = sum((labels[piece] != -100).sum() for piece in pieces)
    shares = [
        streaming_loss(parts[piece], labels[piece], STATES, kind=kind, state_counts=counts, num_items=items)
        for piece in pieces
    ]
    sum(shares).backward()
    assert sum(shares).item() == pytest.approx(loss.item(), abs=1e-12)
    assert torch.allclose(whole.grad, parts.grad, rtol=0, atol=1e-12)


def test_counts_of_the_whole_batch_change_the_weights_of_a_micro_batch():
    logits, labels = HAND_LOGITS[:1], HAND_LABELS[:1]
    # alpha of silence from (8, 1, 1) is 10 / 24
    got = streaming_loss(logits, labels, STATES, state_counts=torch.tensor([8, 1, 1]), num_items=10)
    assert got.item() == pytest.approx(10 / 24 * 0.25 * -log(0.5) / 10, abs=1e-12)


@pytest.mark.parametrize("kind", ["focal", "scale", "ce"])
def test_ignored_rows_never_matter(kind):
    logits, labels = random_batch()
    before = streaming_loss(logits, labels, STATES, kind=kind)
    wild = logits.clone()
    wild[labels == -100] = torch.inf
    assert streaming_loss(wild, labels, STATES, kind=kind) == before
    assert streaming_loss(logits[labels != -100], labels[labels != -100], STATES, kind=kind) == before


@pytest.mark.parametrize("wild", [torch.nan, torch.inf, -torch.inf, 1e30])
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_stands_in_ignored_rows_changes_no_gradient_and_gets_none(kind, wild):
    logits, labels = random_batch()
    ignored = labels == -100
    calm, spoilt = logits.clone().requires_grad_(), logits.masked_fill(ignored[:, None], wild).requires_grad_()
    for z in (calm, spoilt):
        streaming_loss(z, labels, STATES, kind=kind).backward()
    assert torch.equal(spoilt.grad, calm.grad)
    assert torch.equal(spoilt.grad[ignored], torch.zeros_like(logits[ignored]))
    assert (calm.grad[~ignored] != 0).any(1).all()


def test_without_any_label_the_loss_is_a_zero_with_a_gradient():
    logits = torch.full((4, 6), torch.inf, requires_grad=True)
    loss = streaming_loss(logits, torch.full((4,), -100), STATES, num_items=0)
    loss.backward()
    assert loss.item() == 0 and torch.equal(logits.grad, torch.zeros(4, 6))
    assert streaming_loss(torch.zeros(0, 6), torch.zeros(0, dtype=torch.int64), STATES).item() == 0


def test_float64_stays_and_half_precision_is_computed_in_float32():
    logits, labels = random_batch()
    exact = streaming_loss(logits, labels, STATES)
    assert exact.dtype == torch.float64
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        rounded = streaming_loss(logits.to(dtype), labels, STATES)
        assert rounded.dtype == torch.float32
        assert abs(rounded.item() - exact.item()) < 1e-2


@pytest.mark.parametrize("kind", KINDS)
def test_bfloat16_logits_come_within_a_hundredth_of_float32_in_a_large_vocabulary(kind):
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(300, 5000, generator=generator)
    labels = torch.randint(0, 5000, (300,), generator=generator)
    labels[::2] = torch.randint(1, 4, (150,), generator=generator)
    exact = streaming_loss(logits, labels, STATES, kind=kind)
    assert abs(streaming_loss(logits.bfloat16(), labels, STATES, kind=kind) - exact) < 1e-2
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert streaming_loss(logits, labels, STATES, kind=kind) == exact


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_counts_of_any_number_type_keep_the_type_of_the_loss(dtype):
    for number in (torch.int64, torch.float32, torch.float64):
        counts, items = torch.tensor([2, 0, 1], dtype=number), torch.tensor(4, dtype=number)
        loss = streaming_loss(HAND_LOGITS.to(dtype), HAND_LABELS, STATES, state_counts=counts, num_items=items)
        assert loss.dtype == dtype and loss.item() == pytest.approx(
            streaming_loss(HAND_LOGITS, HAND_LABELS, STATES).item(), abs=1e-6
        )


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_a_certain_or_hopeless_state_has_a_finite_gradient(gamma):
    logits = torch.tensor([[0.0, 200.0, 0, 0, 0, 0], [0.0, 200.0, 0, 0, 0, 0]], requires_grad=True)
    loss = streaming_loss(logits, torch.tensor([1, 3]), STATES, gamma=gamma)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(logits.grad).all()


def test_gradients_agree_with_finite_differences():
    logits, labels = random_batch(12)
    torch.autograd.gradcheck(lambda z: streaming_loss(z, labels, STATES), (logits.requires_grad_(),))


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(kind="fokal"), "'fokal'"),
        (dict(gamma=-1.0), "gamma is -1.0"),
        (dict(state_counts=[0, 1, 1]), "this|these labels"),
        (dict(state_counts=[2, 1]), r"\[2, 1\]"),
        (dict(fixed_weights=(0.3, 1.3), kind="scale"), "give three, for silence"),
        (dict(state_ids=(1, 1, 2)), "three different ids"),
        (dict(state_ids=(1, 2, 6)), "below 6"),
        (dict(labels=HAND_LABELS[:2]), r"\(5, 6\) and labels \(2,\)"),
    ],
)
def test_what_does_not_fit_raises(change, message):
    arguments = dict(logits=HAND_LOGITS, labels=HAND_LABELS, state_ids=STATES) | change
    with pytest.raises(ValueError, match=message):
        streaming_loss(arguments.pop("logits"), arguments.pop("labels"), arguments.pop("state_ids"), **arguments)


def test_states_are_counted_in_order():
    assert count_states(torch.tensor([3, 1, 1, -100, 5, 1]), STATES).tolist() == [3, 0, 1]


def test_the_head_runs_on_supervised_positions_only():
    head = torch.nn.Linear(4, 6)
    shapes = []
    head.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(inputs[0].shape)))
    # Whole numbers, so that every sum is exact: how a product of reals rounds depends on its number of rows and on the
    # processor.
    with torch.no_grad():
        for weights in head.parameters():
            weights.copy_(torch.randint(-9, 10, weights.shape))
    hidden, labels = (
        torch.randint(-9, 10, (2, 5, 4)).float(),
        torch.tensor([[-100, 1, -100, -100, 4], [-100, -100, 3, -100, -100]]),
    )
    logits, kept = supervised_logits(hidden, labels, head)
    assert shapes == [(3, 4)] and kept.tolist() == [1, 4, 3]
    assert torch.equal(logits, head(hidden).reshape(10, 6)[[1, 4, 7]])
    assert exp(-streaming_loss(logits, kept, STATES, kind="ce").item()) > 0


def test_the_head_on_supervised_positions_gives_the_gradients_of_full_logits():
    hidden, labels = (
        torch.randn(2, 5, 4, dtype=torch.float64),
        torch.tensor([[-100, 1, -100, 3, 4], [-100, -100, 3, -100, 2]]),
    )
    head = torch.nn.Linear(4, 6).double()
    found = []
    for few in (True, False):
        head.zero_grad()
        states = hidden.clone().requires_grad_()
        logits, kept = (
            supervised_logits(states, labels, head) if few else (head(states).flatten(0, 1), labels.flatten())
        )
        loss = streaming_loss(logits, kept, STATES)
        loss.backward()
        found.append((loss, states.grad, head.weight.grad.clone(), head.bias.grad.clone()))
    for ours, full in zip(*found, strict=True):
        assert torch.allclose(ours, full, rtol=0, atol=1e-12)


def test_a_head_without_supervised_positions_still_gets_a_gradient():
    """A rank whose rows are all ignored takes part in the step, or the other ranks would wait for it."""
    hidden, head = torch.randn(2, 3, 4, requires_grad=True), torch.nn.Linear(4, 6)
    logits, kept = supervised_logits(hidden, torch.full((2, 3), -100), head)
    streaming_loss(logits, kept, STATES, state_counts=[5, 1, 1], num_items=9).backward()
    assert not hidden.grad.any() and not head.weight.grad.any()
