"""A picture as it is judged: grey pixels, and what is found out about them once for all networks."""

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bonexray.appearance import Looks, describe

Grey = NDArray[np.uint8] | NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as it is judged.

    Attributes:
        grey: shape (H, W), values 0..255.
        colourfulness: of what it was made from, as `bonexray.appearance.colourfulness` measures it; 0 for grey.
        whole: (H, W) of the file, where it was decoded at a part of its size.
    """

    grey: Grey
    colourfulness: float = 0.0
    whole: tuple[int, int] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the picture as it was given."""
        return self.whole or self.grey.shape

    def look(self, helper: Executor) -> None:
        """Begin to describe it, beside what else is done with it: a tenth of an answer's time."""
        if "looks" not in self.__dict__ and "_description" not in self.__dict__:
            self.__dict__["_description"] = helper.submit(describe, self.grey)

    @cached_property
    def looks(self) -> Looks:
        """How it looks, to the gates of all networks that judge it."""
        begun = self.__dict__.get("_description")
        return begun.result() if begun else describe(self.grey)

    @cached_property
    def boxed(self) -> dict[int, NDArray[np.float32]]:
        """Its letterboxed pixels by their side, for all networks of that side; filled as they are asked for."""
        return {}

    def __reduce__(self) -> tuple[type["Picture"], tuple[Any, ...]]:
        """Pickle the pixels alone: what was begun or kept beside them is done again where it is asked for."""
        return Picture, (self.grey, self.colourfulness, self.whole)
