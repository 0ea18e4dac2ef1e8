"""One instance of the UI for each of several alike GPUs, as lines to paste."""

from __future__ import annotations

from collections.abc import Sequence

from sdops.doctor.launch.case import LaunchCase
from sdops.doctor.launch.line import launch_line
from sdops.knowledge.listening import of_facts


def instance_lines(case: LaunchCase, words: Sequence[str]) -> tuple[str, ...]:
    """A line for each GPU, with its number and a port of its own; none where one will do.

    Args:
        case: the UI and its device.
        words: the flags of one instance.
    """
    listening = of_facts(case.facts)
    device_flag = case.rules.device_flag
    port_flag = listening.rules.port_flag if listening else None
    if listening is None or device_flag is None or port_flag is None or case.device.gpu is None:
        return ()
    alike = [gpu for gpu in case.facts.visible_gpus if gpu.vendor == case.device.gpu.vendor]
    if len(alike) < 2 or len({gpu.name for gpu in alike}) > 1:
        return ()
    if {device_flag, port_flag} & set(words):
        return ()  # the user has chosen
    return tuple(
        launch_line(
            case, (*words, device_flag, str(number), port_flag, str(listening.port + number))
        )[0]
        for number in range(len(alike))
    )
