"""Which language a text is in."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.text import without_surrogates
from daemon.model.language import LANGUAGES, UNDETERMINED, detect, told

SENTENCES = {
    "ar": "الخدمة سيئة جدا ولن أشتري من هنا مرة أخرى",
    "de": "Seit gestern kein Internet, und die Hotline weiß von nichts.",
    "el": "Δεν έφτασε ποτέ η παραγγελία μου και κανείς δεν απαντά.",
    "en": "I have been waiting for my refund for three weeks now.",
    "es": "Llevo tres semanas esperando la devolución de mi dinero.",
    "fi": "Tilaukseni ei ole vieläkään saapunut, ja kukaan ei vastaa.",
    "fr": "Le livreur a laissé le colis devant la porte, sous la pluie.",
    "hi": "मेरा ऑर्डर अभी तक नहीं आया और कोई जवाब नहीं देता।",
    "it": "Il pacco è arrivato rotto e nessuno risponde al telefono.",
    "ja": "注文した商品がまだ届きません。連絡もありません。",
    "nl": "Mijn bestelling is nog steeds niet aangekomen, heel vervelend.",
    "pl": "Moja paczka nadal nie dotarła, a nikt nie odbiera telefonu.",
    "pt": "A minha encomenda ainda não chegou e ninguém responde.",
    "tr": "Siparişim hâlâ gelmedi ve kimse telefona cevap vermiyor.",
    "vi": "Đơn hàng của tôi vẫn chưa đến và không ai trả lời.",
}
SWAHILI = (
    "Huduma yenu ni mbaya sana, nimesubiri wiki tatu bila jibu.",
    "Asante sana kwa msaada wenu wa haraka, nimefurahi sana.",
    "Kwa nini mmenitoza pesa mara mbili kwa bidhaa moja?",
)
MEANINGLESS = (
    "", "👍👍👍", "😡" * 60, "❤️" * 60, "4711 0815 +49 30 1234", "https://example.com/der/die/das",
    "@anna_b", "#MondayMotivation", "for (i=0; i<n; i++) { foo_bar(x); }",
)  # fmt: skip


@pytest.mark.parametrize("language", SENTENCES)
def test_a_sentence_shows_its_language(language: str) -> None:
    found = detect(SENTENCES[language])
    assert found.tag == language
    assert 0 < found.confidence <= 1


@pytest.mark.parametrize("text", SWAHILI)
def test_a_language_that_cannot_be_detected_is_no_other(text: str) -> None:
    assert detect(text) == (UNDETERMINED, 0.0, True)


@pytest.mark.parametrize("text", MEANINGLESS)
def test_what_everybody_writes_shows_no_language(text: str) -> None:
    assert detect(text) == (UNDETERMINED, 0.0, False)


@pytest.mark.parametrize("text", ["ok", "lol", "John Smith", "hahaha"])
def test_a_few_characters_may_leave_it_open(text: str) -> None:
    assert detect(text) == (UNDETERMINED, 0.0, False)


@pytest.mark.parametrize("language", ["de", "es", "tr"])
@pytest.mark.parametrize(
    "noise",
    [
        "https://example.com/this/is/the/page/that/you/are/looking/for {}",
        "@this_is_the_name_that_we_have {} #ThisIsTheHashtagThatWeHave",
        "```if this then that else return the other value to the caller```\n{}",
        "`the_value_that_is_given` {} 4711 😡😡😡",
        "{}\0",
    ],
)
def test_links_names_numbers_and_code_do_not_decide(language: str, noise: str) -> None:
    assert detect(noise.format(SENTENCES[language])).tag == language


@pytest.mark.parametrize(
    ("tag", "kept", "name"),
    [("en", "en", "en"), ("pt_BR", "pt-BR", "pt"), ("DE-at", "DE-at", "de"), ("deu", "deu", "de"),
     ("zh-Hant-TW", "zh-Hant-TW", "zh"), ("fil", "fil", "tl"), ("nb", "nb", "no")],
)  # fmt: skip
def test_a_tag_in_the_message_is_believed(tag: str, kept: str, name: str) -> None:
    found = told(tag)
    assert found is not None
    assert (found.tag, found.confidence, found.primary) == (kept, 1.0, name)


@pytest.mark.parametrize(
    "word", [None, "", "und", "English", "unknown", "n/a", "e", "en-", "en US"]
)
def test_what_is_no_tag_says_nothing(word: str | None) -> None:
    assert told(word) is None


@given(st.text(max_size=3000))
def test_any_text_gets_a_tag_that_is_known(text: str) -> None:
    found = detect(without_surrogates(text))
    assert found.tag in {*LANGUAGES, UNDETERMINED}
    assert 0 <= found.confidence <= 1
    assert (found.confidence == 0) == (found.tag == UNDETERMINED)


def test_the_answer_does_not_depend_on_what_was_asked_before() -> None:
    first = [detect(text) for text in SENTENCES.values()]
    assert [detect(text) for text in reversed(SENTENCES.values())] == first[::-1]


@pytest.mark.parametrize(
    "text", ["a" * 20_000, "a." * 10_000, "`" * 20_000, "a_" * 10_000, "́" * 20_000]
)
def test_a_hostile_text_costs_no_more_than_a_long_one(text: str) -> None:
    begun = time.process_time()
    for _ in range(20):
        detect(text)
    assert (time.process_time() - begun) / 20 < 0.005
