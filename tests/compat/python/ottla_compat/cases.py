"""The register of cases: a case is a function of a `Lab`, and its name is the function's."""

from typing import Any, Callable, Sequence

from .lab import Lab

Case = Callable[[Lab], None]

# In the order of the modules' imports and of the functions in them.
CASES: dict[str, Case] = {}


def case(function: Case) -> Case:
    """Registers a case under its function's name."""
    return _register(function.__name__, function)


def case_for_each(word: str, values: Sequence[str]) -> Callable[[Callable[..., None]], Any]:
    """Registers a case per value; the value replaces this word of the function's name."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        for value in values:
            name = function.__name__.replace(word, value.replace("-", "_"))
            _register(name, lambda lab, value=value: function(lab, value))
        return function

    return decorate


def _register(name: str, function: Case) -> Case:
    assert name not in CASES, f"two cases are called {name}"
    CASES[name] = function
    return function
