"""Plants typical mistakes into a copy of the sampler, one at a time, and asks whether tests notice.

    python -m tests.sampler.mutations [--only WORD] > docs/measurements/sampler-mutations.md

Each mutant is a process of its own, forked when the heavy libraries are loaded and sdops is not.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "numpy", "scipy.integrate", "scipy.stats", "hypothesis", "PIL.Image",
         "torchsde", "torchdiffeq", "ftfy", "regex", "safetensors.torch",
         "transformers.models.clip.modeling_clip", "diffusers.loaders.single_file_utils",
         "diffusers.models.unets.unet_2d_condition", "diffusers.models.autoencoders.autoencoder_kl",
         "pytest")  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One planted mistake."""

    file: str
    right: str
    wrong: str
    tests: str
    """Which test file should notice, and perhaps `::test`."""


def mutants(file: str, tests: str, *pairs: tuple[str, str]) -> list[Mutant]:
    return [Mutant(file, right, wrong, tests) for right, wrong in pairs]


MUTANTS = [
    *mutants(
        "sampler/unet.py", "test_models.py::test_unet",
        ("value, gate = self.proj(x)", "gate, value = self.proj(x)"),
        ("value * F.gelu(gate)", "value * F.silu(gate)"),
        ("nn.GroupNorm(32, channels, eps=1e-6)", "nn.GroupNorm(32, channels, eps=1e-2)"),
        ("nn.GroupNorm(32, outgoing), nn.SiLU()", "nn.GroupNorm(16, outgoing), nn.SiLU()"),
        ("torch.cat((x, skip), 1)", "torch.cat((skip, x), 1)"),
        ("embedding = F.silu(embedding)", "embedding = embedding"),
        ("self.attn2(self.norm2(x), prompt)", "self.attn2(self.norm3(x), prompt)"),
        ("return x + h\n", "return h\n"),
        ("h = self.in_layers(x) + shift", "h = self.in_layers(x + 0) * (1 + shift)"),
        ("stride=2, padding=1", "stride=2, padding=(1, 1), padding_mode='replicate'"),
        ("math.log(10000)", "math.log(1000)"),
        ("embedding + self.label_emb", "embedding - self.label_emb"),
    ),
    *mutants(
        "sampler/unet.py", "test_models.py::test_time_embedding_has_the_cosine_first",
        ("torch.cat((angles.cos(), angles.sin()), 1)", "torch.cat((angles.sin(), angles.cos()), 1)"),
    ),
    *mutants(
        "sampler/unet.py", "test_models.py::test_odd_sizes_are_resized_after_the_convolution",
        ("if x.shape[2:] != skip.shape[2:]:", "if False:"),
    ),
    *mutants(
        "sampler/configuration.py", "test_models.py::test_unet",
        ("self.num_heads or max(1, channels // self.head_dim)", "max(1, channels // self.head_dim)"),
    ),
    *mutants(
        "sampler/vae.py", "test_models.py::test_vae",
        ("F.pad(x, (0, 1, 0, 1))", "F.pad(x, (1, 0, 1, 0))"),
        ("eps=1e-6", "eps=1e-3"),
        ("latent / self.config.scale_factor", "latent * self.config.scale_factor"),
        ("torch.exp(0.5 * log_variance", "torch.exp(log_variance"),
        ("for level in reversed(self.up)", "for level in (self.up)"),
    ),
    *mutants(
        "sampler/vae.py", "test_models.py::test_vae_limits_the_variance",
        ("(-30.0, 20.0)", "(-30.0, 30.0)"),
    ),
    *mutants(
        "sampler/clip.py", "test_models.py::test_text_encoders",
        ("torch.sigmoid(1.702 * h)", "torch.sigmoid(h)"),
        ("is_causal=True", "is_causal=False"),
    ),
    *mutants(
        "sampler/open_clip.py", "test_models.py::test_text_encoders",
        ("q, k, v = (", "k, q, v = ("),
        ("F.gelu(self.c_fc(x))", "F.gelu(self.c_fc(x), approximate='tanh')"),
        ("ids.argmax(1)", "ids.argmin(1)"),
        ("state @ self.text_projection", "state @ self.text_projection.T"),
    ),
    *mutants(
        "sampler/conditioning.py", "test_conditioning.py",
        ("states[-_skip(states, options)])", "states[-_skip(states, options) - 1])"),
        ("sdxl_clip_l_skip else -2]", "sdxl_clip_l_skip else -1]"),
        ("-1 if encoder.config.ends_penultimate", "-2 if encoder.config.ends_penultimate"),
        ("(self.context, *[empty] * missing)", "(*[empty] * missing, self.context)"),
        ("sides = (self.negative, *(", "sides = (*("),
        ("encoder.ln_final(penultimate) if", "penultimate if"),
        ("numbers = (*size, 0, 0, *size)", "numbers = (*size[::-1], 0, 0, *size)"),
        ("pooled = outputs[0][1]", "pooled = outputs[-1][1]"),
        ("(is_end.cumsum(1) - is_end.long()) > 0", "is_end.cumsum(1) > 0"),
        ("CHUNK - comma <= COMMA_BACKTRACK", "CHUNK - comma < COMMA_BACKTRACK"),
        ("finish(comma + 1)", "finish(comma)"),
        ("(z.mean() / weighted.mean())", "(weighted.mean() / z.mean())"),
        ('side == "negative" and not any(texts)', "not any(texts)"),
        ('"positive": 6.0, "negative": 2.5', '"positive": 2.5, "negative": 6.0'),
    ),
    *mutants(
        "sampler/tokenizer.py", "test_tokenizer.py",
        ("parts[-1] += WORD_END", "parts[0] += WORD_END"),
        (".split()).lower()\n\n    def encode", ".split())\n\n    def encode"),
        ("html.unescape(html.unescape(", "html.unescape(("),
        (r"|\p{N}|", r"|\p{N}+|"),
    ),
    *mutants(
        "dialect/prompt.py", "test_prompt.py",
        ("ROUND, SQUARE = 1.1, 1 / 1.1", "ROUND, SQUARE = 1.1, 0.9"),
        ("if step <= steps.last_before", "if step < steps.last_before"),
        ("(step - 1) % len(group.options)", "step % len(group.options)"),
        ('elif "." in number:', "elif float(number) < 1:"),
        ("(value - (1.0 if", "(value - (0.0 if"),
        (r'r"\bAND\b"', '"AND"'),
        ("colons > 2 or", "colons > 3 or"),
        ("nothing = (end, end)", "nothing = parts[0]"),
    ),
    *mutants(
        "sampler/schedule.py", "test_schedule.py",
        ("BETA_RANGE = (0.00085, 0.012)", "BETA_RANGE = (0.00085, 0.0125)"),
        ("linspace(low, high, TIMESTEPS, dtype=torch.float64) ** 2",
         "linspace(low**2, high**2, TIMESTEPS, dtype=torch.float64)"),
        ("ask.rho or 7.0", "ask.rho or 5.0"),
        ("ask.steps + 1)[:-1]", "ask.steps)"),
        ("ask.levels.sigmas[1::stride]", "ask.levels.sigmas[0::stride]"),
        ("/ ask.steps\n    low, high = (torch.atan", "/ (ask.steps - 1)\n    low, high = (torch.atan"),
        ("-(1 + int(i * len(ask.levels.sigmas) / ask.steps))", "-int(1 + i * len(ask.levels.sigmas) / (ask.steps + 1))"),
        (".clamp(0, 1)", ".clamp(0, 2)"),
        ("beta_quantile(p, 0.6, 0.6)", "beta_quantile(p, 0.6, 0.7)"),
        ("(first - last)", "first"),
    ),
    *mutants(
        "sampler/samplers.py", "test_samplers.py",
        ("variance = sigma_next**2 * (sigma**2", "variance = sigma_next * (sigma**2"),
        ("2**0.5 - 1", "2**0.5"),
        ("(d + d_next) / 2", "d_next"),
        ("middle = (sigma * sigma_next) ** 0.5\n    half = x + d", "middle = (sigma + sigma_next) / 2\n    half = x + d"),
        ("order: int = 4", "order: int = 3"),
        ("h / (2 * h_last)", "h_last / (2 * h)"),
        ("-math.expm1(-e) / 2", "-math.expm1(-e)"),
        ("1 + math.expm1(-e) / e)", "1 - math.expm1(-e) / e)"),
        ("(phi_2 / e - 0.5)", "(phi_2 / e + 0.5)"),
        ("(h / h_old)", "(h_old / h)"),
        ("math.expm1(-2 * eta *", "math.expm1(-eta *"),
        ("down, up = get_ancestral_step(sigma, middle, eta)", "down, up = get_ancestral_step(sigma, sigma_next, eta)"),
        ("RESTART_FROM, RESTART_TO = 0.1, 2.0", "RESTART_FROM, RESTART_TO = 0.1, 4.0"),
        ("(sigma**2 - last**2) ** 0.5", "(sigma - last)"),
        ("noise(sigma, sigma_next) * sigma_next\n    return x", "noise(sigma, sigma_next) * sigma\n    return x"),
    ),
    *mutants(
        "dialect/samplers.py", "test_samplers.py::test_catalog_has_every_sampler_of_the_table",
        ('DISCARD: dict[str, Any] = {"discard_penultimate": True}', 'DISCARD: dict[str, Any] = {}'),
        ('SECOND: dict[str, Any] = {"second_order": True}', "SECOND: dict[str, Any] = {}"),
    ),
    *mutants(
        "sampler/dpm_solver.py", "test_samplers.py",
        ("[2, 1] if n % 3 == 0", "[3] if n % 3 == 0"),
        ("ACCEPT_SAFETY = 0.05, 0.05, 0.0078, 0.81", "ACCEPT_SAFETY = 0.05, 0.05, 0.0078, 0.5"),
        ("math.expm1(h) / h - 1", "math.expm1(h) / h"),
        ("(r2 / r1) * ", "(r1 / r2) * "),
    ),
    *mutants(
        "sampler/timestep_samplers.py", "test_timestep_samplers.py",
        ("min(t + 1, TIMESTEPS - 1)", "min(t, TIMESTEPS - 1)"),
        ("math.sqrt(1 - a_next - deviation**2) * unconditional", "math.sqrt(1 - a_next - deviation**2) * guided"),
        ("(55 / 24, -59 / 24, 37 / 24, -9 / 24)", "(55 / 24, -59 / 24, 37 / 24, 9 / 24)"),
        ("min(k, order, steps + 1 - k)", "min(k, order)"),
        ("factorial *= i + 1", "factorial *= i"),
        ("if k < steps:", "if k <= steps:"),
        ("math.expm1(-h) * pictures", "math.expm1(h) * pictures"),
    ),
    *mutants(
        "sampler/noise.py", "test_noise.py",
        ("return -increments", "return increments"),
        ("generate_state(1)[0]", "generate_state(2)[1]"),
        ("2 * key + 1, depth", "2 * key, depth"),
        ("PHILOX_ROUNDS = 10", "PHILOX_ROUNDS = 9"),
        ("np.sin(v)", "np.cos(v)"),
        ("counter[0], counter[2] = draw", "counter[1], counter[2] = draw"),
        ("seed + self.seed_delta", "seed"),
        ("low * share + high * (1 - share)", "low * (1 - share) + high * share"),
        ("norm(dim=1, keepdim=True)\n    high", "norm(dim=2, keepdim=True)\n    high"),
        ("min(margin, 0)", "max(margin, 0)"),
    ),
    *mutants(
        "sampler/guidance.py", "test_guidance.py",
        ("output * (sigma / (sigma**2 + 1) ** 0.5)", "output * sigma"),
        ("if call <= end", "if call < end"),
        ("self.guidance.scale / 12.5", "self.guidance.scale"),
        ("[LCM_STRIDE - 1 :: LCM_STRIDE]", "[::LCM_STRIDE]"),
        ("return out * self.base.denoised(x, sigma, output) + skip * x", "return out * self.base.denoised(x, sigma, output)"),
        ("if difference < -1", "if difference < -2"),
        ("t = t.half()", "t = t"),
        ("denoised * self.mask + self.latent * (1 - self.mask)", "denoised * (1 - self.mask) + self.latent * self.mask"),
        ("alpha**0.5 * outputs + (1 - alpha) ** 0.5 *", "alpha**0.5 * outputs - (1 - alpha) ** 0.5 *"),
        ("row.weight * scale * difference", "scale * difference"),
        ("nearest_t if self.quantized", "sigma_to_t if self.quantized"),
        ("blind + self.guidance.image_scale", "unconditional + self.guidance.image_scale"),
    ),
    *mutants(
        "sampler/sampling.py", "test_pipeline.py::test_picture_to_picture_takes_its_share_of_the_steps",
        ("levels[:-2] + levels[-1:]", "levels"),
        ("total - start - 1 :]", "total - start :]"),
        ("times = times[:start]", "times = times[: start + 1]"),
    ),
    *mutants(
        "sampler/upscale.py", "test_pipeline.py::test_what_is_not_painted_stays_the_source_s_pixel_by_pixel",
        ("min(2 * gray, 255)", "gray"),
        ("composite(picture, kept, painted)", "composite(kept, picture, painted)"),
    ),
    *mutants(
        "dialect/options.py", "test_pipeline.py::test_hires_can_sample_in_its_own_way",
        ("sampler=self.sampler or first.sampler", "sampler=first.sampler"),
    ),
    *mutants(
        "dialect/options.py", "test_pipeline.py::test_hires_covers_as_a1111_does",
        ("width * self.height >= self.width * height", "width * self.height < self.width * height"),
    ),
    *mutants(
        "sampler/pipeline.py", "test_pipeline.py::test_hires_tells_sdxl_of_the_size_before_cutting",
        ("self._condition(second, covered,", "self._condition(second, (second.width, second.height),"),
    ),
    *mutants(
        "dialect/parameters.py", "test_pipeline.py::test_hires_can_sample_in_its_own_way",
        ("_schedule(_second(r)) != _schedule(r.sampling)", "_second(r).chosen is not r.sampling.chosen"),
    ),
    *mutants(
        "sampler/attention.py", "test_computing.py",
        ("scale = q.shape[-1] ** -0.5", "scale = q.shape[-1] ** -1"),
        ("weights * decay +", "weights +"),
    ),
    *mutants(
        "dialect/infotext.py", "test_infotext.py",
        ("""r'[,:\\n]|^"'""", """r'[,\\n]|^"'"""),
        ("LEAST_PARAMETERS = 3", "LEAST_PARAMETERS = 2"),
    ),
    *mutants(
        "sampler/pipeline.py", "test_pipeline.py::test_old_timelines_count_as_they_did",
        ("first_pass, options.old_timelines)", "first_pass)"),
    ),
    *mutants(
        "sampler/pipeline.py", "test_pipeline.py::test_tiles_are_used_where_pictures_come_in",
        ("side = None if tile is None else tile * scale", "side = None"),
    ),
    *mutants(
        "sampler/precision.py", "test_pipeline.py::test_fp32_takes_another_kernel_where_a_gpu_has_none",
        ("if is_exact and device.type", "if not is_exact and device.type"),
    ),
    *mutants(
        "sampler/conditioning.py", "test_conditioning.py",
        ("[different.index(chunk.ids) for chunk in column]", "[0 for chunk in column]"),
    ),
    *mutants(
        "sampler/weights.py", "test_weights.py",
        ("int(whole.storage_offset()) + entry.storage_offset", "entry.storage_offset"),
        ("{live: tensors[name] for", "{name: tensors[live] for"),
    ),
    *mutants(
        "dialect/pictures.py", "test_pipeline.py::test_what_is_not_painted_stays_the_source_s_pixel_by_pixel",
        ("GaussianBlur(blur)", "GaussianBlur(0)"),
    ),
]  # fmt: skip


def load_heavy() -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    for name in HEAVY:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    sys.modules["torch"].set_num_threads(1)
    assert "sdops" not in sys.modules


def passes(copy: Path, tests: str) -> bool:
    """Whether `tests` pass on the copy, in a process of its own."""
    child = os.fork()
    if child == 0:
        os.chdir(copy)
        sys.path.insert(0, str(copy))
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        pytest = sys.modules["pytest"]
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--timeout=120"]
        with contextlib.redirect_stdout(io.StringIO()):
            code = pytest.main([*options, f"tests/sampler/{tests}"])
        os._exit(int(code))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def copy_of_the_tree(folder: Path) -> Path:
    for name in ("sdops", "checks", "profiles", "tests/sampler", "pyproject.toml"):
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return folder


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="mutants whose file or text holds this word")
    only = parser.parse_args().only
    chosen = [m for m in MUTANTS if only in m.file or only in m.right]
    sys.dont_write_bytecode = True
    load_heavy()
    survivors, start = [], time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of_the_tree(Path(folder))
        for tests in dict.fromkeys(mutant.tests for mutant in chosen):
            if not passes(copy, tests):
                raise SystemExit(f"{tests} does not pass on the code as it is")
        print("| file | planted | noticed by |\n|---|---|---|")
        for mutant in chosen:
            path = copy / "sdops" / mutant.file
            code = path.read_text("utf-8")
            if code.count(mutant.right) < 1:
                raise SystemExit(f"{mutant.file} has no {mutant.right!r}")
            path.write_text(code.replace(mutant.right, mutant.wrong, 1), "utf-8")
            caught = not passes(copy, mutant.tests)
            path.write_text(code, "utf-8")
            if not caught:
                survivors.append(mutant)
            planted = " ".join(mutant.wrong.split()).replace("|", "\\|")
            print(
                f"| {mutant.file} | `{planted}` | {mutant.tests if caught else '**nothing**'} |",
                flush=True,
            )
    caught = len(chosen) - len(survivors)
    print(f"\n{caught} of {len(chosen)} noticed in {time.monotonic() - start:.0f} s.")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
