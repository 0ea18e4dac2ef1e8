from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdops.knowledge.allocator import faults, keys

# Each verified with torch 2.13.0 (torch._C._accelerator_setAllocatorSettings) where the key is
# parsed there, else read from c10/cuda/CUDAAllocatorConfig.cpp.
ACCEPTED = [
    "max_split_size_mb:512",
    "garbage_collection_threshold:0.8",
    "garbage_collection_threshold:.8",
    "garbage_collection_threshold:8e-1",
    "expandable_segments:True",
    "max_split_size_mb: 512 , expandable_segments:True",
    "max_split_size_mb:512,",
    "max_split_size_mb:512MB",
    "roundup_power2_divisions:[256:1,512:2,>:4]",
    "roundup_power2_divisions:[256:0,>:0]",
    "roundup_power2_divisions:8",
    "backend:cudaMallocAsync",
    "backend:native,max_split_size_mb:64",
    "pinned_use_background_threads:True",
    "pinned_num_register_threads:8",
    "per_process_memory_fraction:1.0",
    "",
]
REFUSED = [
    "max_split_size_mb:10",
    "garbage_collection_treshold:0.8",
    "garbage_collection_threshold:1.0",
    "garbage_collection_threshold:0",
    "garbage_collection_threshold:0,8",
    "expandable_segments:true",
    "expandable_segments:1",
    "max_split_size_mb=512",
    "max_split_size_mb",
    "max_split_size_mb:abc",
    "max_split_size_mb:[512]",
    "max_split_size_mb::512",
    "max_split_size_mb:512;garbage_collection_threshold:0.8",
    "expandable_segments:True max_split_size_mb:128",
    '"max_split_size_mb:512"',
    "roundup_power2_divisions:0",
    "roundup_power2_divisions:3",
    "roundup_power2_divisions:[256:3]",
    "roundup_power2_divisions:[255:2]",
    "backend:async",
    "pinned_num_register_threads:3",
    "pinned_num_register_threads:256",
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_torch_accepts(text):
    assert list(faults(text, "linux")) == []


@pytest.mark.parametrize("text", REFUSED)
def test_what_torch_refuses(text):
    assert any(fault.fatal for fault in faults(text, "linux"))


def test_the_meant_key_is_named():
    (fault,) = faults("garbage_collection_treshold:0.8", "linux")
    assert "“garbage_collection_threshold” is meant" in fault.text


def test_what_is_ignored_is_not_fatal():
    (windows,) = faults("expandable_segments:True", "windows")
    (ignored,) = faults("backend:cudaMallocAsync,max_split_size_mb:64", "linux")
    assert not windows.fatal
    assert not ignored.fatal


@given(st.text(alphabet=st.sampled_from("ab_:,[]>= 10.\"'\n") | st.characters(), max_size=60))
def test_any_text_is_read_without_a_fault_of_ours(text):
    for fault in faults(text, "linux"):
        assert fault.text


@given(st.sampled_from(sorted(keys())), st.integers(-1000, 10**12))
def test_numbers_are_judged_for_every_key(name, number):
    assert len(list(faults(f"{name}:{number}", "linux"))) <= 1
