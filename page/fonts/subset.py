"""Cut the report's fonts from Noto's: only what the page's texts are written with. Run me when the texts change.

Needs Debian's fonts-noto-core and fonts-noto-cjk, and fonttools, which fpdf2 brings.
"""

import json
import string
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

HERE = Path(__file__).parent
NOTO = Path("/usr/share/fonts")
SIMPLIFIED = 2  # the font of the CJK collection that is drawn as in mainland China
SOURCES = {  # name: file, number in its collection, languages
    "latin": (NOTO / "truetype/noto/NotoSans-Regular.ttf", -1, ("en", "es", "fr", "de")),
    "latin-bold": (NOTO / "truetype/noto/NotoSans-Bold.ttf", -1, ("en", "es", "fr", "de")),
    "arabic": (NOTO / "truetype/noto/NotoSansArabic-Regular.ttf", -1, ("ar",)),
    "han": (NOTO / "opentype/noto/NotoSansCJK-Regular.ttc", SIMPLIFIED, ("zh",)),
}


def characters(languages: tuple[str, ...]) -> set[str]:
    """Return every character of the texts of these languages, with ASCII and the signs that numbers need."""
    texts = [json.loads((HERE.parent / f"texts/{language}.json").read_text("utf-8")) for language in languages]
    return {*string.printable[:95], *"\u00a0·±−×–…", *"".join(sentence for text in texts for sentence in text.values())}  # noqa: RUF001


def main() -> None:
    """Write each subset beside this file."""
    for name, (path, number, languages) in SOURCES.items():
        font = TTFont(path, fontNumber=number)
        subsetter = Subsetter(Options(hinting=False, name_IDs=[0, 1, 2, 3, 4, 5, 6, 13, 14]))
        subsetter.populate(text="".join(characters(languages)))
        subsetter.subset(font)
        font.save(HERE / f"{name}{'.otf' if 'CFF ' in font else '.ttf'}")


if __name__ == "__main__":
    main()
