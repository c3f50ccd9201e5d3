"""The bones of the examples: their shapes in mm, intact and with each kind of fracture."""

from dataclasses import replace

import numpy as np
from simulate import Bone, break_at, shatter

Drawing = tuple[list[Bone], list[Bone], tuple[int, int], int]


def _flesh(start: tuple[float, float], end: tuple[float, float], shaft: float, ends: tuple[float, float]) -> Bone:
    return Bone(start, end, shaft, ends, cortex=0)


RADIUS = Bone((62, 6), (58, 196), 6.4, (9.5, 15.5), 2.6, bow=-6)
ULNA = Bone((86, -14), (90, 190), 5.8, (13, 7.5), 2.6, bow=2.5)
WRIST = [Bone((50 + 9 * i, 203 + 2 * (i % 2)), (52 + 9 * i, 214 + 3 * (i % 2)), 6.5, (6.5, 6.5), 0.7) for i in range(5)]
FOREARM_FLESH = [_flesh((74, -60), (71, 250), 36, (46, 27))]

TIBIA = Bone((72, -8), (76, 236), 11.5, (27, 19), 4.6, bow=-2)
FIBULA = Bone((113, 12), (104, 246), 5.4, (9, 10.5), 2.4, bow=3)
TALUS = [Bone((66, 250), (92, 256), 15, (15, 15), 0.8)]
LEG_FLESH = [_flesh((88, -60), (84, 300), 44, (56, 34))]

HUMERUS = Bone((66, 10), (74, 262), 10.5, (24, 13), 4.2, bow=3)
CONDYLES = [Bone((50, 262), (98, 264), 10, (12, 11), 0.8)]
ARM_FLESH = [_flesh((72, -70), (76, 330), 38, (56, 36))]

FINGERS = (  # knuckle (x, y), direction in degrees, lengths of metacarpal, then of the phalanges, mm
    ((51, 118), -102, 64, (40, 24, 17)),
    ((69, 112), -93, 62, (44, 29, 18)),
    ((86, 116), -86, 56, (41, 27, 18)),
    ((101, 124), -77, 51, (32, 19, 16)),
)


def _walk(start: tuple[float, float], degrees: float, length: float) -> tuple[float, float]:
    angle = np.deg2rad(degrees)
    return start[0] + length * float(np.cos(angle)), start[1] + length * float(np.sin(angle))


def _ray(knuckle: tuple[float, float], degrees: float, metacarpal: float, lengths: tuple[float, ...]) -> list[Bone]:
    base = _walk(knuckle, degrees + 180 + 6, metacarpal - 3)
    bones = [Bone(base, knuckle, 4.0, (7.2, 7.0), 1.7)]
    here = _walk(knuckle, degrees, 2)
    for width, length in zip((3.9, 3.2, 2.4), lengths, strict=True):
        there = _walk(here, degrees, length)
        bones.append(Bone(here, there, width, (1.75 * width, 1.35 * width), 1.3))
        here = _walk(there, degrees, 2)
    return bones


RAYS = [_ray(*finger) for finger in FINGERS]
THUMB = [
    Bone((46, 178), (22, 144), 4.8, (7.5, 7.2), 1.8),
    Bone((20, 141), (7, 114), 4.0, (6.6, 5.4), 1.4),
    Bone((6, 111), (2, 92), 3.0, (5.2, 4.0), 1.1),
]
CARPALS = [
    Bone((x, y), (x + 7, y + 6), r, (r, r), 0.7)
    for x, y, r in (
        (46, 181, 8),
        (57, 176, 8),
        (69, 176, 9.5),
        (83, 177, 9),
        (51, 193, 9.5),
        (66, 192, 9.5),
        (81, 192, 8.5),
    )
]
FOREARM_END = [Bone((61, 203), (60, 330), 6.5, (15.5, 7), 2.4), Bone((88, 207), (90, 330), 5.6, (8, 6), 2.2)]
HAND = [*THUMB, *CARPALS, *FOREARM_END, *(bone for ray in RAYS for bone in ray)]
HAND_FLESH = [
    *(
        _flesh(ray[0].end, _walk(ray[3].end, finger[1], 5), 8.6, (10.5, 8))
        for ray, finger in zip(RAYS, FINGERS, strict=True)
    ),
    _flesh(THUMB[0].start, _walk(THUMB[2].end, -112, 5), 12, (17, 9)),
    *(_flesh(ray[0].start, ray[0].end, 16, (20, 12.5)) for ray in RAYS),
    _flesh((70, 156), (76, 390), 30, (33, 32)),
]


def _centred(bones: list[Bone]) -> list[Bone]:
    """Move the hand to the right, so that its thumb is in the picture."""
    return [
        replace(bone, start=(bone.start[0] + 14, bone.start[1]), end=(bone.end[0] + 14, bone.end[1])) for bone in bones
    ]


def _swap(bones: list[Bone], old: Bone, new: Bone) -> list[Bone]:
    return [new if bone is old else bone for bone in bones]


FOREARM = [RADIUS, ULNA, *WRIST]
LEG = [TIBIA, FIBULA, *TALUS]
ARM = [HUMERUS, *CONDYLES]
BROKEN_RADIUS = break_at(RADIUS, 0.62, 3, slope=0.12, shift=(-2.5, 4.5), turn=-0.09)
BROKEN_FOREARM = _swap(FOREARM, RADIUS, BROKEN_RADIUS)
BROKEN_LEG = _swap(LEG, TIBIA, break_at(TIBIA, 0.6, 5, slope=1.35, shift=(-4, -3.5), turn=-0.04))
BROKEN_LEG = _swap(BROKEN_LEG, FIBULA, break_at(FIBULA, 0.44, 6, slope=0.9, shift=(-2, -2.5), turn=-0.05))
BROKEN_ARM = _swap(ARM, HUMERUS, shatter(HUMERUS, 0.52, 8))
FIFTH = RAYS[3][0]
BROKEN_HAND = _swap(HAND, FIFTH, break_at(FIFTH, 0.66, 9, slope=-0.3, shift=(-1.5, -1.8), turn=-0.42))

EXAMPLES: dict[str, Drawing] = {
    "forearm-intact": (FOREARM, FOREARM_FLESH, (600, 840), 11),
    "forearm-transverse": (BROKEN_FOREARM, FOREARM_FLESH, (600, 840), 11),
    "leg-intact": (LEG, LEG_FLESH, (680, 1000), 12),
    "leg-oblique": (BROKEN_LEG, LEG_FLESH, (680, 1000), 12),
    "arm-intact": (ARM, ARM_FLESH, (600, 1060), 13),
    "arm-comminuted": (BROKEN_ARM, ARM_FLESH, (600, 1060), 13),
    "hand-intact": (_centred(HAND), _centred(HAND_FLESH), (680, 1000), 14),
    "hand-displaced": (_centred(BROKEN_HAND), _centred(HAND_FLESH), (680, 1000), 14),
}
