from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file

from connectors.errors import Misconfigured
from daemon.model import loading
from daemon.model.tone_model import ToneModel
from daemon.settings import DEFAULT_MODEL, ModelSettings
from tests.daemon.model import tiny

if TYPE_CHECKING:
    from pathlib import Path

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"


def refusal(where: Path) -> str:
    with pytest.raises(Misconfigured) as refused:
        ToneModel.load(tiny.settings(where))
    return str(refused.value)


def test_only_pickled_weights_are_refused_with_the_conversion(own_bert: Path) -> None:
    (own_bert / "model.safetensors").rename(own_bert / "pytorch_model.bin")
    said = refusal(own_bert)
    assert "only in pytorch_model.bin" in said
    assert "save_pretrained" in said


def test_a_pickle_beside_safetensors_is_never_opened(own_bert: Path) -> None:
    (own_bert / "pytorch_model.bin").write_bytes(b"not even a pickle")
    ToneModel.load(tiny.settings(own_bert))


def test_missing_weights_are_refused(own_bert: Path) -> None:
    (own_bert / "model.safetensors").unlink()
    assert "model.safetensors missing" in refusal(own_bert)


def test_weights_that_give_no_finite_score_are_refused(own_bert: Path) -> None:
    file = own_bert / "model.safetensors"
    spoilt = {name: weight.fill_(float("nan")) for name, weight in load_file(file).items()}
    save_file(spoilt, file, {"format": "pt"})
    assert "cannot score the word 'good': its scores are not finite" in refusal(own_bert)


def test_a_temperature_that_leaves_no_finite_score_is_refused(own_bert: Path) -> None:
    with pytest.raises(Misconfigured, match="`temperature`"):
        ToneModel.load(tiny.settings(own_bert, temperature=1e-308))


def test_fewer_word_embeddings_than_words_are_refused(own_bert: Path) -> None:
    file = own_bert / "model.safetensors"
    weights = load_file(file)
    words = "bert.embeddings.word_embeddings.weight"
    weights[words] = weights[words][:14].clone()
    save_file(weights, file, {"format": "pt"})
    tiny.edit(own_bert / "config.json", vocab_size=14)
    assert "cannot score the word 'good': IndexError" in refusal(own_bert)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_remote_code_is_refused(own_bert: Path, name: str) -> None:
    tiny.edit(own_bert / name, auto_map={"AutoModelForSequenceClassification": "evil.Evil"})
    (own_bert / "evil.py").write_text("raise SystemExit('ran')", encoding="utf-8")
    assert f"{name} asks for remote code" in refusal(own_bert)


def test_an_unknown_architecture_is_refused(own_bert: Path) -> None:
    tiny.edit(own_bert / "config.json", model_type="nosuch", architectures=["NoSuch"])
    assert "it cannot be loaded" in refusal(own_bert)


def test_missing_labels_are_refused_with_an_example(own_bert: Path) -> None:
    tiny.edit(own_bert / "config.json", id2label=None, label2id=None)
    assert '"id2label": {"0": "negative"' in refusal(own_bert)


def test_a_regression_is_refused(tmp_path: Path) -> None:
    assert "a regression" in refusal(tiny.bert(tmp_path / "one", ("score",)))


def test_a_missing_fast_tokenizer_is_refused_with_the_conversion(own_bert: Path) -> None:
    (own_bert / "tokenizer.json").unlink()
    said = refusal(own_bert)
    assert "no tokenizer.json" in said
    assert "AutoTokenizer" in said


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    assert "no directory" in refusal(tmp_path / "nowhere")


def test_a_directory_without_a_model_is_refused(tmp_path: Path) -> None:
    assert "holds no model" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_git_lfs_pointer_is_refused_with_the_fix(own_bert: Path, name: str) -> None:
    (own_bert / name).write_text(POINTER, encoding="utf-8")
    assert "git lfs pull" in refusal(own_bert)


def test_a_broken_config_is_refused(own_bert: Path) -> None:
    (own_bert / "config.json").write_text("{", encoding="utf-8")
    assert "config.json: " in refusal(own_bert)


def test_truncated_weights_are_refused(own_bert: Path) -> None:
    weights = own_bert / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "it cannot be loaded" in refusal(own_bert)


def test_a_base_model_without_a_trained_head_is_refused(own_bert: Path) -> None:
    weights = load_file(own_bert / "model.safetensors")
    kept = {name: value for name, value in weights.items() if not name.startswith("classifier")}
    save_file(kept, own_bert / "model.safetensors", metadata={"format": "pt"})
    assert "the weights lack classifier" in refusal(own_bert)


def test_an_adapter_is_refused(own_bert: Path) -> None:
    (own_bert / "adapter_config.json").write_text("{}", encoding="utf-8")
    assert "adapter" in refusal(own_bert)


def test_an_architecture_that_padding_confuses_is_refused(tmp_path: Path) -> None:
    assert "changes with its neighbours" in refusal(tiny.xlnet(tmp_path / "xlnet"))


def test_an_index_that_leaves_its_directory_is_refused(own_bert: Path) -> None:
    (own_bert / "model.safetensors").unlink()
    tiny.edit(own_bert / "model.safetensors.index.json", weight_map={"w": "../other.safetensors"})
    assert "names files elsewhere" in refusal(own_bert)


def test_a_wrong_revision_is_refused(shared_bert: Path) -> None:
    with pytest.raises(Misconfigured, match="has revision"):
        ToneModel.load(tiny.settings(shared_bert, revision="f" * 16))


def test_a_hub_model_that_is_not_here_is_refused_offline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(Misconfigured, match="HF_HUB_OFFLINE forbids"):
        ToneModel.load(ModelSettings(source="someone/some-model", revision="a" * 40))


def test_a_cached_hub_model_loads_offline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shared_bert: Path
) -> None:
    commit = "a" * 40
    shutil.copytree(shared_bert, tmp_path / "models--someone--some-model" / "snapshots" / commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    model = ToneModel.load(ModelSettings(source="someone/some-model", revision=commit, threads=1))
    assert model.identity.model.name == "some-model"
    assert model.identity.model.revision == commit[:16]


def test_half_precision_weights_run_as_fp32_on_a_cpu(own_bert: Path) -> None:
    weights = load_file(own_bert / "model.safetensors")
    halves = {name: value.half() for name, value in weights.items()}
    save_file(halves, own_bert / "model.safetensors", metadata={"format": "pt"})
    tiny.edit(own_bert / "config.json", dtype="float16")
    model = ToneModel.load(tiny.settings(own_bert))
    assert model._forward.network.embeddings.weight.dtype == torch.float16, "as in the file"
    assert model._forward.network([[2, 3]]).dtype == torch.float32


@pytest.mark.parametrize("bound", [0, 16, 1000])
def test_the_longest_input_is_what_positions_and_settings_allow(tmp_path: Path, bound: int) -> None:
    model = ToneModel.load(tiny.settings(tiny.bert(tmp_path / "m"), max_tokens=bound))
    assert model.max_tokens == min(filter(None, (64, bound)))


def test_the_tokenizers_own_maximum_counts(own_bert: Path) -> None:
    tiny.edit(own_bert / "tokenizer_config.json", model_max_length=20)
    assert ToneModel.load(tiny.settings(own_bert)).max_tokens == 20


def test_roberta_positions_begin_beyond_the_padding(tmp_path: Path) -> None:
    model = ToneModel.load(tiny.settings(tiny.roberta(tmp_path / "m")))
    assert model.max_tokens == 64
    scored = model.score(["good " * 500])[0]
    assert scored.tokens == 64  # type: ignore[union-attr] # a fault has no tokens and fails here


@pytest.mark.parametrize("name", ["default", "small", "multilingual"])
def test_transformers_reads_the_same_from_a_model_that_ships(name: str, tmp_path: Path) -> None:
    where = DEFAULT_MODEL.parent / name
    copied = tmp_path / name
    copied.mkdir()
    for file in where.iterdir():
        (copied / file.name).symlink_to(file)
    ours, theirs = (loading.load(tiny.settings(each)) for each in (where, copied))
    assert not isinstance(ours.network.config, type(theirs.network.config))
    assert ours.tokenizer.to_str() == theirs.tokenizer.to_str()
    for field in ("card", "folding", "independent", "max_tokens", "pad", "precision"):
        assert getattr(ours, field) == getattr(theirs, field)
    [one, other] = (ToneModel.load(tiny.settings(each)) for each in (where, copied))
    texts = ["Great, thank you!", "[SEP] <mask> Das war schlecht.", "It came. " * 200]
    assert one.score(texts) == other.score(texts)


def test_a_worker_leaves_shape_functions_out_until_transformers_needs_them(tmp_path: Path) -> None:
    program = (
        "import sys; from daemon.model import lean; lean.import_torch();"
        "import torch; from daemon.model.tone_model import ToneModel;"
        "from daemon.settings import DEFAULT_MODEL, ModelSettings;"
        "load = lambda source: ToneModel.load(ModelSettings(source=source, threads=1));"
        "print(load(str(DEFAULT_MODEL)).score(['a']), 'torch._decomp' in sys.modules);"
        "print(load(sys.argv[1]).score(['a']), 'torch._decomp' in sys.modules);"
        "print(torch.empty(2, 3, device='meta').svd()[1].shape)"
    )
    stock = tiny.distilbert(tmp_path / "model")
    command = [sys.executable, "-c", program, str(stock)]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    before, after, shape = ran.stdout.splitlines()
    whole = [
        ToneModel.load(ModelSettings(source=str(each), threads=1))
        for each in (DEFAULT_MODEL, stock)
    ]
    assert before == f"{whole[0].score(['a'])} False"
    assert after == f"{whole[1].score(['a'])} True"
    assert shape == "torch.Size([2])"
