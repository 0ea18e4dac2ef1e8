"""Tokens agree with open_clip's and with transformers', on text that is meant to trip."""

from __future__ import annotations

import pytest

from sdops.sampler.tokenizer import COMMA, OpenClipTokenizer, Tokenizer

from .oracles import open_clip_tokenizer

TRICKY = [
    "", " ", "a", "A photo of a CAT", "  leading and  double   spaces ", "tabs\tand\nnewlines\r\n",
    "it's", "It'S", "we've they'll I'd you're don't 'tis", "rock'n'roll", "l'été", "O’Brien",
    "’s curly ‘quotes’ “double”", "don`t", "a,b;c:d.e!f?", "...", "…", "?!?!?!", "--- -- -", "—–−",
    "1", "12", "123456", "1,000.50", "3d 4k 8K", "1girl", "f/1.8", "50mm", "½ ⅓ ¼", "² ³ ¹ ₂", "①②③",
    "Ⅷ", "٣٤", "१२", "四十二", "n°5", "#hashtag @mention", "user@example.com",
    "https://example.com/a?b=c&d=e", "C:\\path\\file", "snake_case kebab-case CamelCase",
    "<lora:name:0.8>", "<html><b>bold</b></html>", "&amp;", "&lt;3", "&amp;lt;", "&amp;amp;", "&#39;",
    "&#x1F600;", "&nbsp;x", "&notanentity;", "&copy 2020", "R&D", "a & b", "((masterpiece:1.2))",
    "[from:to:0.5]", "{curly|braces}", "a|b", "\\(escaped\\)", "100%", "$5 €10 £3 ¥7", "x²+y²=z²",
    "∑∫∂√∞≠≤≥", "→←↑↓", "™®©", "naïve café résumé", "ÀÉÎÕÜ", "ß ẞ", "İstanbul ıstanbul", "ﬁ ﬂ ﬀ",
    "Ｆｕｌｌｗｉｄｔｈ", "ǅ ǈ", "Ω K Å", "e\u0301 combining", "a\u200bzero\u200bwidth", "soft\u00adhyphen",
    "nbsp\u00a0space", "em\u2003space ideographic\u3000space", "line\u2028separator",
    "\ufeffbom", "rtl \u202eoverride", "emoji 😀", "👨‍👩‍👧‍👦 family", "👍🏽 skin", "🇫🇷🇯🇵", "❤️ ❤", "☕️☔",
    "1️⃣ keycap", "😀😀😀", "🏳️‍🌈", "猫", "猫が好き", "可愛い女の子", "カタカナ ｶﾀｶﾅ", "한국어 문장", "汉字漢字",
    "中文，标点。", "「引用」", "Привет мир", "Ёжик", "Ελληνικά", "ς σ Σ", "العربية", "עברית", "हिन्दी", "ไทย",
    "tiếng Việt", "ქართული", "አማርኛ", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "𝟙𝟚𝟛", "𐍈", "ÃƒÂ©", "Ã©tÃ©", "â€œmojibakeâ€\x9d", "schÃ¶n",
    "\x00null", "\x1b[31mred", "\x7f", "\x85", "\ud7ff", "\ufffd", "\U0010ffff", "a" * 200,
    "supercalifragilisticexpialidocious", "antidisestablishmentarianism", "qwrtpsdfg", "zzzzzzzz",
    "greg rutkowski, artstation", "🎨 by Beksiński", "w̴e̵i̶r̷d̸", "t\u0336e\u0336s\u0336t\u0336", "H₂O CO₂",
    "C++ C# .NET", "AC/DC", "don''t", "'", "''s", "s' x", "'ll", "<start_of_text>", "a<end_of_text>b",
    "<|startoftext|>", "x<|endoftext|>y", "<|END", "</w>", "the</w>",
]  # fmt: skip


def test_there_are_enough():
    assert len(set(TRICKY)) > 140


@pytest.mark.parametrize("text", TRICKY)
def test_open_clip(text):
    assert OpenClipTokenizer().encode(text) == open_clip_tokenizer().encode(text)


@pytest.fixture(scope="module")
def hugging_face(tmp_path_factory):
    """transformers' CLIP tokenizer on the vocabulary that open_clip ships."""
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    ours = open_clip_tokenizer()
    vocabulary = {token: number for token, number in ours.encoder.items() if number < 49406}
    vocabulary |= {"<|startoftext|>": 49406, "<|endoftext|>": 49407}
    merges = sorted(ours.bpe_ranks, key=ours.bpe_ranks.get)
    assert tokenizers
    return transformers.CLIPTokenizer(vocab=vocabulary, merges=merges)


FTFY = {"’", "‘", "“", "Ã", "ÃƒÂ©", "â€", "ﬁ", "Ｆ", "\x1b", "\x85", "\ufeff", "…", "\u2028", "\x00", "\x7f",
        "\ufffd", "ｶ", "\u202e", "İ", "ǅ", "Å", "e\u0301", "，", "&#", "&amp;", "&lt;", "&nbsp;"}  # fmt: skip


@pytest.mark.parametrize("text", [t for t in TRICKY if not any(mark in t for mark in FTFY)])
def test_hugging_face(text, hugging_face):
    """Where ftfy has nothing to mend: transformers' fast tokenizer does not use it."""
    assert Tokenizer().encode(text) == hugging_face(text, add_special_tokens=False)["input_ids"]


def test_clip_l_does_not_read_entities():
    """But for what ftfy resolves itself: entities in text that holds no `<`."""
    assert OpenClipTokenizer().encode("<b> R&amp;D") == Tokenizer().encode("<b> R&D")
    assert Tokenizer().encode("<b> R&amp;D") == OpenClipTokenizer().encode("<b> R&amp;amp;amp;D")


def test_known_tokens():
    assert Tokenizer().encode(",") == [COMMA]
    assert Tokenizer().encode("a photo of a cat") == [320, 1125, 539, 320, 2368]
