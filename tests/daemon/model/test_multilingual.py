"""The multilingual model that ships."""

from __future__ import annotations

import pytest

from daemon.model import card
from daemon.model.tone_model import ToneModel
from daemon.settings import ModelSettings
from tests.daemon.model.scoring import CLOSE, apart, scored

WHERE = card.SHIPPED["multilingual"]
pytestmark = pytest.mark.skipif(
    not (WHERE / "config.json").exists(), reason="this checkout has no multilingual model"
)

PLAIN = {
    "I love it, the support was wonderful.": "positive",
    "Worst service ever, I want my money back.": "negative",
    "The parcel arrives on Tuesday.": "neutral",
    "Vielen Dank, das hat sofort geholfen!": "positive",
    "Der Kundendienst ist eine Katastrophe.": "negative",
    "Wann wird mein Paket geliefert?": "neutral",
    "Un servicio excelente, muchas gracias.": "positive",
    "Quiero que me devuelvan el dinero, qué vergüenza.": "negative",
    "Je suis très déçu de votre réponse.": "negative",
    "Pouvez-vous m'envoyer la facture de mars ?": "neutral",
    "Sono molto contento, grazie mille!": "positive",
    "Adorei, recomendo a todos!": "positive",
    "Heel slechte service, nooit meer.": "negative",
    "Bardzo dziękuję, wszystko działa świetnie!": "positive",
    "Çok teşekkür ederim, harika bir hizmet.": "positive",
    "خدمة ممتازة، شكرا جزيلا": "positive",
    "बहुत बढ़िया सेवा, धन्यवाद": "positive",
}


@pytest.fixture(scope="module")
def multilingual() -> ToneModel:
    return ToneModel.load(ModelSettings(source="multilingual", threads=1))


def test_its_name_is_enough_to_load_it(multilingual: ToneModel) -> None:
    assert multilingual.identity.model.name == "tone-multilingual"
    assert "-" not in multilingual.identity.model.revision
    assert multilingual.tones == ("negative", "neutral", "positive")
    assert multilingual.max_tokens == 128


@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_text_gets_its_tone(multilingual: ToneModel, text: str) -> None:
    assert scored(multilingual, text)[0].tone == PLAIN[text]


def test_a_text_alone_and_among_others_agree(multilingual: ToneModel) -> None:
    items = [f"{text} " * times for text in PLAIN for times in (1, 9)]
    for text, together in zip(items, scored(multilingual, *items), strict=True):
        assert apart(scored(multilingual, text)[0], together) <= CLOSE


def test_it_says_which_languages_it_reads() -> None:
    languages = card.read(WHERE, ModelSettings(source="multilingual")).languages
    assert languages == ("ar", "de", "en", "es", "fr", "hi", "it", "nl", "pl", "pt", "tr")


def test_it_is_small_enough_to_be_cloned() -> None:
    files = [path for path in WHERE.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 50 * 1024 * 1024
