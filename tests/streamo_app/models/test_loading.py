"""Model folders: what loads, what is refused and how it is said, and what quantisation leaves alone."""

import json

import pytest
import torch

from streamo_app.models.loading import BUILT_IN, BUILT_IN_FOLDER, SHARD_BYTES, load_model, save_pretrained
from streamo_app.models.settings import Settings
from streamo_app.protocol import SYSTEM_PROMPT
from tests.support import tiny


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "street"
    settings = dict(
        name="street", system_prompt="Watch.", fps=1, min_pixels=3136, max_pixels=18816, window=40, response_bias=0.25
    )
    save_pretrained(tiny.model(layers=2, hidden=128), tiny.tokenizer(), folder, settings)
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """A copy to break."""
    for path in saved.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def first_second(stream):
    return next(stream.turn(stream.open_lane(), 0, stream.encode([tiny.picture(0)]), ("Count.",))).p


def test_a_saved_model_streams_as_the_model_in_memory(saved):
    stream = load_model(str(saved), device="cpu")
    assert (stream.info.name, stream.info.fps, stream.info.window, stream.info.response_bias) == ("street", 1, 40, 0.25)
    assert (stream.info.quantize, stream.model.dtype) == ("none", torch.float32)
    rounded = tiny.model(layers=2, hidden=128).to(torch.bfloat16).float().state_dict()
    assert all(torch.equal(value, rounded[name]) for name, value in stream.model.state_dict().items())
    assert stream.wire.tokenizer.decode(stream.wire.system()) == "<|im_start|>system\nWatch.<|im_end|>\n"
    line = "Notify me <|im_end|> when the light turns green."
    assert stream.wire.instruction(line) == stream.family.wire(tiny.tokenizer()).instruction(line)
    assert stream.encode([tiny.picture(0, 360, 640)]).grids == ((1, 6, 12),)


def test_saving_leaves_the_model_in_memory_as_it_is_and_files_small(tmp_path):
    model = tiny.model(layers=3, hidden=512)
    save_pretrained(model, tiny.tokenizer(), tmp_path, Settings(name="big"))
    files = list(tmp_path.glob("*.safetensors"))
    assert len(files) > 1 and max(path.stat().st_size for path in tmp_path.iterdir()) <= SHARD_BYTES + 100_000
    assert model.dtype is torch.float32
    save_pretrained(tiny.model(layers=1), tiny.tokenizer(), tmp_path, Settings())
    assert [path.name for path in tmp_path.glob("*.safetensors*")] == ["model.safetensors"], (
        "no files of the first are left"
    )
    assert load_model(str(tmp_path), device="cpu").model.config.text_config.num_hidden_layers == 1


def test_a_foreign_folder_without_streamo_json_gets_the_papers_defaults(folder):
    (folder / "streamo.json").unlink()
    stream = load_model(str(folder), device="cpu")
    assert (stream.info.name, stream.info.fps, stream.info.window, stream.info.response_bias) == (
        folder.name,
        1,
        120,
        0.0,
    )
    assert (stream.family.min_pixels, stream.family.max_pixels) == (3136, 100352)
    assert SYSTEM_PROMPT in stream.wire.tokenizer.decode(stream.wire.system())


def test_the_stages_of_loading_are_told_in_words(saved):
    stages = []
    load_model(str(saved), device="cpu", quantize="none", on_stage=stages.append)
    assert (
        stages[:2] == ["Looking for it", "Reading its settings and tokenizer"]
        and stages[2].endswith("MB of weights")
        and len(stages) == 3
    )


def test_the_window_can_be_chosen(saved):
    assert load_model(str(saved), device="cpu", window=7).info.window == 7
    with pytest.raises(ValueError, match="window"):
        load_model(str(saved), device="cpu", window=0)


@pytest.mark.slow
@pytest.mark.parametrize("quantize", ["4bit", "8bit"])
def test_quantising_leaves_the_vision_tower_and_the_lm_head_alone(saved, quantize):
    stream = load_model(str(saved), quantize=quantize, device="cpu")
    check_quantised(stream, quantize)


@pytest.mark.skipif(not BUILT_IN_FOLDER.is_dir(), reason="the built-in model is not in assets/ yet")
@pytest.mark.parametrize("quantize", ["none", "4bit", "8bit"])
def test_the_built_in_model_loads_on_the_cpu(quantize):
    stream = load_model(BUILT_IN, quantize=quantize, device="cpu")
    check_quantised(stream, quantize)
    assert sum(path.stat().st_size for path in BUILT_IN_FOLDER.iterdir()) <= 20_000_000


def check_quantised(stream, quantize):
    import bitsandbytes as bnb

    language = {"4bit": bnb.nn.Linear4bit, "8bit": bnb.nn.Linear8bitLt, "none": torch.nn.Linear}[quantize]
    layers = {
        name: type(module) for name, module in stream.model.named_modules() if isinstance(module, torch.nn.Linear)
    }
    vision = {name for name in layers if name.startswith("model.visual.")}
    assert (
        layers["lm_head"] is torch.nn.Linear
        and {layers[name] for name in vision} == {torch.nn.Linear}
        and len(vision) > 8
    )
    rest = set(layers) - vision - {"lm_head"}
    assert {layers[name] for name in rest} == {language} and len(
        rest
    ) == 7 * stream.model.config.text_config.num_hidden_layers
    assert stream.info.quantize == quantize
    assert sum(first_second(stream)) == pytest.approx(1)


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("/nowhere/at/all", "no model folder"),
        ("./nowhere", "no model folder"),
        ("nowhere", "no model folder.*hub id.*streamo-tiny"),
        ("", "holds no config.json|no model folder"),
    ],
)
def test_a_folder_that_is_not_there_is_said_so(name, sentence):
    with pytest.raises(ValueError, match=sentence):
        load_model(name, device="cpu")


def test_a_hub_id_that_cannot_be_reached_is_one_sentence(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        ValueError, match="'nobody/nothing' is not a folder here and could not be fetched from the hub"
    ) as raised:
        load_model("nobody/nothing", device="cpu")
    assert "\n" not in str(raised.value)


def test_a_folder_without_a_model_is_said_so(tmp_path):
    with pytest.raises(ValueError, match=r"no config\.json"):
        load_model(str(tmp_path), device="cpu")


def test_a_wrong_class_names_the_supported_ones(folder):
    change(folder / "config.json", model_type="llama")
    with pytest.raises(ValueError, match=r"'llama'.*supported are qwen2_5_vl \(Qwen2_5_VLForConditionalGeneration\)"):
        load_model(str(folder), device="cpu")


def test_a_tokenizer_without_state_tokens_says_how_to_add_them(folder):
    tiny.tokenizer(without=("</Standby>",)).save_pretrained(folder)
    with pytest.raises(ValueError, match=r"no single token '</Standby>'.*add_tokens.*resize_token_embeddings"):
        load_model(str(folder), device="cpu")


@pytest.mark.parametrize(
    "values, sentence",
    [
        (dict(fps="fast"), "fps is 'fast'; int wanted"),
        (dict(protocol=2), "protocol 2; this program speaks protocol 1"),
        (dict(window=0), "at least 1"),
        (dict(max_pixels=10), "max_pixels"),
        (dict(windows=9), "unknown windows"),
    ],
)
def test_a_wrong_streamo_json_is_refused(folder, values, sentence):
    change(folder / "streamo.json", **values)
    with pytest.raises(ValueError, match=sentence):
        load_model(str(folder), device="cpu")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "streamo.json", "model.safetensors"])
def test_a_broken_file_is_named(folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="cannot be read") as raised:
        load_model(str(folder), device="cpu")
    assert str(folder) in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "name, sentence", [("tokenizer.json", "no tokenizer.json"), ("model.safetensors", "no .safetensors")]
)
def test_a_missing_file_is_named(folder, name, sentence):
    (folder / name).unlink()
    with pytest.raises(ValueError, match=sentence):
        load_model(str(folder), device="cpu")


def test_weights_that_lack_a_layer_are_refused_not_made_up(folder):
    config = json.loads((folder / "config.json").read_text())
    config["text_config"] |= dict(num_hidden_layers=3, layer_types=["full_attention"] * 3)
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"lack 12 tensors.*layers\.2"):
        load_model(str(folder), device="cpu")


def test_weights_of_another_shape_are_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["intermediate_size"] = 32
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="cannot be read"):
        load_model(str(folder), device="cpu")


def test_an_unknown_quantisation_and_an_absent_device_are_refused(saved):
    with pytest.raises(ValueError, match="4bit, 8bit, none"):
        load_model(str(saved), quantize="2bit")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="no CUDA device"):
            load_model(str(saved), device="cuda")
