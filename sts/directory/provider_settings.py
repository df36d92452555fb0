"""What may be set of a provider beside what AWS keeps of it."""

from collections.abc import Sequence
from dataclasses import replace

from sts.directory.key_sets import verify_authorities, verify_key_set
from sts.directory.names import verify_name
from sts.errors import InputInvalid
from sts.presets import PRESETS, Preset
from sts.providers import ALGORITHMS, USUAL_ALGORITHMS, ProviderSettings

_NAME_LENGTH = 64


def verify_settings(issuer: str, settings: ProviderSettings) -> ProviderSettings:
    """Return *settings* of a provider of this *issuer*, its key set without what is not used; raises InputInvalid."""
    if settings.name is not None:
        verify_name(settings.name, _NAME_LENGTH)
    if settings.preset is not None:
        _verify_preset(issuer, get_preset(settings.preset))
    if settings.authorities is not None:
        verify_authorities(settings.authorities)
    algorithms = _verify_algorithms(settings.algorithms)
    key_set = None if settings.key_set is None else verify_key_set(settings.key_set, algorithms)
    return replace(settings, algorithms=algorithms, key_set=key_set)


def get_preset(name: str) -> Preset:
    """Return the preset of this name; raises InputInvalid."""
    if name not in PRESETS:
        raise InputInvalid(f"There is no preset of this name: there are {', '.join(PRESETS)}.")
    return PRESETS[name]


def find_issuer(issuer: str | None, preset: str | None) -> str:
    """Return *issuer*, or the preset's where none is given; raises InputInvalid where that has none, or is none."""
    found = issuer or (None if preset is None else get_preset(preset).issuer)
    if found is None:
        form = "" if preset is None else f": {get_preset(preset).form_words}"
        raise InputInvalid(f"An issuer has to be given{form}.")
    return found


def find_algorithms(algorithms: Sequence[str] | None, preset: str | None) -> tuple[str, ...]:
    """Return *algorithms*, or where none are given the preset's, or the usual ones; raises InputInvalid."""
    if algorithms is not None:
        return tuple(algorithms)
    return USUAL_ALGORITHMS if preset is None else get_preset(preset).algorithms


def _verify_algorithms(algorithms: Sequence[str]) -> tuple[str, ...]:
    if not algorithms or not set(algorithms) <= set(ALGORITHMS):
        raise InputInvalid(f"Algorithms are one or more of {', '.join(ALGORITHMS)}.")
    return tuple(dict.fromkeys(algorithms))


def _verify_preset(issuer: str, preset: Preset) -> None:
    if not preset.fits(issuer):
        raise InputInvalid(f"The issuer of {preset.title} is {preset.form_words}.")
