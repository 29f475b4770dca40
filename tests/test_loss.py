"""The streaming loss: hand-worked numbers, limit cases, and that accumulation changes nothing."""

from math import exp, log

import pytest
import torch
from torch.nn import functional as F

from finetune.loss import count_states, streaming_loss, supervised_logits

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


def test_scale_equals_the_hand_worked_example():
    expected = (2 * 0.3 * -log(0.5) + 2.0 * -log(0.2) - log(0.4)) / 4
    assert streaming_loss(HAND_LOGITS, HAND_LABELS, STATES, kind="scale").item() == pytest.approx(expected, abs=1e-7)


def test_the_fixed_weights_are_silence_standby_response():
    logits = rows(*[(0.1, 0.2, 0.3, 0.2, 0.1, 0.1)] * 3)
    got = streaming_loss(logits, torch.tensor([1, 2, 3]), STATES, kind="scale", fixed_weights=(1, 10, 100))
    assert got.item() == pytest.approx((-log(0.2) - 10 * log(0.3) - 100 * log(0.2)) / 3, abs=1e-9)


def test_ce_is_cross_entropy():
    logits, labels = random_batch()
    assert streaming_loss(logits, labels, STATES, kind="ce").item() == pytest.approx(F.cross_entropy(logits, labels).item(), abs=1e-12)


def test_focal_without_focus_and_with_equal_counts_is_cross_entropy():
    logits, _ = random_batch(9)
    labels = torch.tensor([1, 2, 3, 3, 2, 1, 0, 4, 5])
    assert streaming_loss(logits, labels, STATES, gamma=0.0).item() == pytest.approx(F.cross_entropy(logits, labels).item(), abs=1e-12)


def test_the_focal_weight_is_not_detached():
    logits = torch.zeros(1, 6, dtype=torch.float64, requires_grad=True)  # p = 1/6 everywhere
    streaming_loss(logits, torch.tensor([3]), STATES, gamma=2.0).backward()
    # d/dz of alpha (1-p)^2 (-log p) with alpha = 1/3 (one state, n = 1): alpha * p (1-p) * (2 (1-p) log p - (1-p)^2 / p)
    p = 1 / 6
    assert logits.grad[0, 3].item() == pytest.approx(p * (1 - p) * (2 * (1 - p) * log(p) - (1 - p) ** 2 / p) / 3, abs=1e-12)


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
    hidden, labels = torch.randn(2, 5, 4), torch.tensor([[-100, 1, -100, -100, 4], [-100, -100, 3, -100, -100]])
    logits, kept = supervised_logits(hidden, labels, head)
    assert shapes == [(3, 4)] and kept.tolist() == [1, 4, 3]
    assert torch.equal(logits, head(hidden).reshape(10, 6)[[1, 4, 7]])
    assert exp(-streaming_loss(logits, kept, STATES, kind="ce").item()) > 0
