"""From prompts to conditioning: chunks, emphasis, which layer of which encoder, SDXL's vector."""

from __future__ import annotations

import pytest
import torch

from sdops.dialect.options import PromptOptions
from sdops.dialect.prompt import BREAK, EMPHASES, Steps, parse_attention
from sdops.sampler.conditioning import APPLY, TextEncoders, chunks, zero_after_end
from sdops.sampler.tokenizer import COMMA, END, START, OpenClipTokenizer, Tokenizer
from sdops.sampler.unet import sinusoidal

from .oracles import relative_error

WORD = 2368  # cat
STEPS = Steps(4)


def ids(text):
    return [list(chunk.ids) for chunk in chunks(parse_attention(text), Tokenizer())]


def test_a_short_prompt_is_one_chunk():
    ((*tokens,),) = ids("cat")
    assert tokens == [START, WORD] + [END] * 75
    assert ids("") == [[START] + [END] * 76]


def test_weights_follow_their_tokens():
    (chunk,) = chunks(parse_attention("cat (cat cat:1.5)"), Tokenizer())
    assert chunk.weights == (1.0, 1.0, 1.5, 1.5) + (1.0,) * 73


def test_full_chunks_go_on():
    first, second = ids("cat " * 80)
    assert first == [START] + [WORD] * 75 + [END]
    assert second == [START] + [WORD] * 5 + [END] * 71
    assert len(ids("cat " * 75)) == 1


def test_a_chunk_breaks_at_a_near_comma():
    text = "cat " * 60 + ", " + "cat " * 30
    first, second = ids(text)
    assert first == [START] + [WORD] * 60 + [COMMA] + [END] * 15
    assert second == [START] + [WORD] * 30 + [END] * 46


@pytest.mark.parametrize(("back", "moves"), [(20, True), (21, False)])
def test_how_far_back_a_comma_may_be(back, moves):
    """`back` counts from the end of the full chunk to the comma, the comma included."""
    first, second = ids("cat " * (75 - back) + ", " + "cat " * 40)
    assert (first.count(END) == back) == moves
    assert second[1 : 1 + 40 - 19 if moves else 20].count(WORD) > 15


def test_a_comma_at_the_end_of_a_full_chunk():
    """A comma itself does not break: it starts the next chunk, and is no place to break there."""
    first, second = ids("cat " * 75 + ", cat")
    assert first == [START] + [WORD] * 75 + [END]
    assert second == [START, COMMA, WORD] + [END] * 74


def test_break_ends_a_chunk():
    assert ids("cat BREAK cat") == [[START, WORD] + [END] * 75] * 2
    assert ids("BREAK cat")[0] == [START] + [END] * 76
    assert len(ids("cat BREAK")) == 1
    assert chunks([BREAK, BREAK], Tokenizer())[1].ids[1] == END
    assert len(ids("(a BREAK b:1.2)")) == 1  # its weight is no longer that of a break


def test_emphasis_modes():
    z = torch.randn(2, 77, 8) + 0.5
    weights = torch.rand(2, 77, 1) + 0.5
    original = APPLY["Original"](z, weights)
    assert original.mean().item() == pytest.approx(z.mean().item(), rel=1e-4)
    ratio = original / (z * weights)
    assert torch.allclose(ratio, ratio.flatten()[0].expand_as(ratio), rtol=1e-4)
    assert torch.equal(APPLY["No norm"](z, weights), z * weights)
    assert torch.equal(APPLY["Ignore"](z, weights), z)
    assert EMPHASES["None"]("(a:1.2)") == [("(a:1.2)", 1.0)]


@pytest.mark.parametrize("skip", [1, 2, 3])
def test_clip_skip(skip, pipeline):
    """SD 1: the final norm comes after the skip (A1111)."""
    encoder = pipeline.parts.text[0]
    tokens = torch.tensor(ids("cat"))
    states = encoder(tokens)
    context, pooled = pipeline.encoders.encode(["cat"], PromptOptions(clip_skip=skip))
    assert pooled is None
    torch.testing.assert_close(context, encoder.final_layer_norm(states[len(states) - skip]))


def test_clip_skip_beyond_the_last_layer(pipeline):
    """As far as there are layers, and no further."""
    most = pipeline.encoders.encode(["cat"], PromptOptions(clip_skip=3))[0]
    assert torch.equal(pipeline.encoders.encode(["cat"], PromptOptions(clip_skip=12))[0], most)


def test_sd2_takes_the_last_but_one_and_the_norm():
    from .oracles import random_pipeline

    pipeline = random_pipeline("tiny-sd21")
    encoder = pipeline.parts.text[0]
    tokens = zero_after_end(torch.tensor(ids("cat")))
    expected = encoder.ln_final(encoder(tokens)[-2])
    for skip in (1, 2, 3):
        context, pooled = pipeline.encoders.encode(["cat"], PromptOptions(clip_skip=skip))
        torch.testing.assert_close(context, expected)
        assert pooled is None


def test_sd2_files_without_the_layer_that_is_not_used():
    """Those that were converted back from diffusers have 23 of OpenCLIP-H's 24 layers."""
    from dataclasses import replace

    from sdops.sampler.open_clip import OpenClipText

    from .oracles import random_pipeline

    pipeline = random_pipeline("tiny-sd21")
    (whole,) = pipeline.config.text
    short = replace(whole, layers=whole.layers - 1, projection=0, ends_penultimate=True)
    encoder = OpenClipText(short)
    state = pipeline.parts.text[0].state_dict()
    encoder.load_state_dict({name: state[name] for name in encoder.state_dict()})
    config = replace(pipeline.config, text=(short,))
    context, _ = TextEncoders(config, [encoder]).encode(["cat"])
    assert torch.equal(context, pipeline.encoders.encode(["cat"])[0])


def test_sdxl_joins_both_without_norms(xl_pipeline):
    clip, open_clip = xl_pipeline.parts.text
    tokens = torch.tensor(ids("cat"))
    zeroed = zero_after_end(tokens)
    states = open_clip(zeroed)
    context, pooled = xl_pipeline.encoders.encode(["cat"])
    torch.testing.assert_close(context, torch.cat((clip(tokens)[-2], states[-2]), 2))
    end = open_clip.ln_final(states[-1])[:, 2] @ open_clip.text_projection
    torch.testing.assert_close(pooled, end)
    skipped, _ = xl_pipeline.encoders.encode(["cat"], PromptOptions(clip_skip=3))
    assert torch.equal(skipped, context)
    options = PromptOptions(clip_skip=3, sdxl_clip_l_skip=True)
    skipped, _ = xl_pipeline.encoders.encode(["cat"], options)
    torch.testing.assert_close(skipped, torch.cat((clip(tokens)[-3], states[-2]), 2))


def test_sdxl_pools_the_first_chunk(xl_pipeline):
    long = "cat " * 75 + "dog " * 10
    _, first = xl_pipeline.encoders.encode(["cat " * 75])
    _, both = xl_pipeline.encoders.encode([long])
    torch.testing.assert_close(first, both)


def test_sdxl_vector(xl_pipeline):
    """Pooled text, then height, width, crop, crop, height, width, as waves; the cosine first."""
    conditioning = xl_pipeline.encoders.condition("cat", "dog", (96, 160), STEPS)
    ((_, scheduled),) = conditioning.parts
    ((_, encoded),) = scheduled
    _, pooled = xl_pipeline.encoders.encode(["cat"])
    waves = sinusoidal(torch.tensor([96.0, 160, 0, 0, 96, 160]), 256).flatten()
    torch.testing.assert_close(encoded.vector, torch.cat((pooled[0], waves)))


def test_refiner_vector(xl_pipeline):
    """Its last number is an aesthetic score: 6 for the prompt, 2.5 for the negative (A1111)."""
    from dataclasses import replace

    from sdops.sampler.configuration import Family

    config = replace(xl_pipeline.config, family=Family.SDXL_REFINER)
    encoders = TextEncoders(config, xl_pipeline.parts.text[1:])
    conditioning = encoders.condition("cat", "dog", (96, 160), STEPS)
    for scheduled, score in ((conditioning.parts[0][1], 6), (conditioning.negative, 2.5)):
        waves = sinusoidal(torch.tensor([96.0, 160, 0, 0, score]), 256).flatten()
        torch.testing.assert_close(scheduled[0][1].vector[64:], waves)


def test_an_empty_negative_is_zeros_on_sdxl(xl_pipeline, pipeline):
    conditioning = xl_pipeline.encoders.condition("cat", "", (64, 64), STEPS)
    encoded = conditioning.negative[0][1]
    assert encoded.context.abs().max() == 0
    assert encoded.vector[:64].abs().max() == 0
    assert encoded.vector[64:].abs().max() > 0  # the sizes stay
    prompt = xl_pipeline.encoders.condition("", "", (64, 64), STEPS).parts[0][1][0][1]
    assert prompt.context.abs().max() > 0
    assert (
        pipeline.encoders.condition("", "", (64, 64), STEPS).negative[0][1].context.abs().max() > 0
    )


def test_open_clip_sees_zeros_after_the_end():
    tokens = torch.tensor([[START, 5, END, END, 7, END]])
    assert zero_after_end(tokens).tolist() == [[START, 5, END, 0, 0, 0]]


def test_texts_of_one_call_have_one_length(pipeline):
    context, _ = pipeline.encoders.encode(["cat " * 80, "cat"], PromptOptions(emphasis="No norm"))
    assert context.shape == (2, 154, 64)
    alone, _ = pipeline.encoders.encode(["cat"], PromptOptions(emphasis="No norm"))
    empty, _ = pipeline.encoders.encode([""], PromptOptions(emphasis="No norm"))
    torch.testing.assert_close(context[1:], torch.cat((alone, empty), 1))


@pytest.mark.parametrize(("prompt", "negative"), [("cat " * 80, "dog"), ("cat", "dog " * 80)])
def test_prompt_and_negative_can_be_made_of_one_length(prompt, negative, xl_pipeline):
    """The shorter is followed by the empty prompt, also where an empty negative is zeros."""
    condition, options = xl_pipeline.encoders.condition, PromptOptions(same_length=True)
    plain = condition(prompt, negative, (64, 64), STEPS)
    padded = condition(prompt, negative, (64, 64), STEPS, options)
    empty = xl_pipeline.encoders.encode([""])[0][0]
    for before, after in (
        (plain.parts[0][1][0][1], padded.parts[0][1][0][1]),
        (plain.negative[0][1], padded.negative[0][1]),
    ):
        expected = before.context
        if len(expected) == 77:
            expected = torch.cat((expected, empty))
        assert torch.equal(after.context, expected)
        assert torch.equal(after.vector, before.vector)


def test_entities_count_for_the_encoder_that_reads_them(xl_pipeline):
    """Only OpenCLIP resolves entities twice: its chunks can differ, the shorter is padded."""
    assert isinstance(xl_pipeline.encoders.tokenizers[1], OpenClipTokenizer)
    context, _ = xl_pipeline.encoders.encode(["<" + "&amp;" * 40])
    assert context.shape[1] % 77 == 0


def test_schedules_and_parts(pipeline):
    conditioning = pipeline.encoders.condition("[cat:dog:2]:0.7 AND x", "[a|b]", (64, 64), STEPS)
    assert [weight for weight, _ in conditioning.parts] == [0.7, 1.0]
    assert [end for end, _ in conditioning.parts[0][1]] == [2, 4]
    assert [end for end, _ in conditioning.negative] == [1, 2, 3, 4]


def test_a_text_that_comes_back_is_encoded_once(xl_pipeline):
    """As often as it alternates: the UNet keeps keys and values for each encoded text."""
    parts = xl_pipeline.encoders.condition("a [(cat:1.2)|dog]", "", (64, 64), Steps(9)).parts
    scheduled = parts[0][1]
    assert [end for end, _ in scheduled] == list(range(1, 10))
    assert len({id(encoded) for _, encoded in scheduled}) == 2
    assert scheduled[0][1] is scheduled[8][1]
    texts = ["a (cat:1.2)", "a dog"] * 4 + ["a (cat:1.2)"]
    context, pooled = xl_pipeline.encoders.encode(texts)
    torch.testing.assert_close(scheduled[1][1].context, context[1], rtol=1e-5, atol=1e-5)
    assert pooled.shape == (9, 64)
    assert torch.equal(pooled[0], pooled[8])


def test_emphasis_takes_its_mean_over_all_texts_of_a_call(pipeline):
    """A1111's mean is over the whole call, in which a text that comes back counts again."""
    once, twice = (pipeline.encoders.encode(["(cat:1.5)", *["dog"] * n])[0] for n in (1, 2))
    assert relative_error(once[1], twice[1]) > 1e-4
